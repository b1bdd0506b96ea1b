// A safetensors file -> its tensors. The bytes were verified by whoever calls this.

const HEADER_LENGTH = 8;

/** Name -> {dtype, shape, data}, each `data` a view of `bytes`. */
export function readSafetensors(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const start = HEADER_LENGTH + length;
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_LENGTH, start)));
  const tensors = new Map();
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    tensors.set(name, { dtype, shape, data: bytes.subarray(start + offsets[0], start + offsets[1]) });
  }
  return tensors;
}
