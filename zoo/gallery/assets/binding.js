// A graph without weights and tensors -> a self-contained ONNX model, as zoo.onnx.bind does it.
//
// An ONNX file is a protocol buffer. The graph's inputs that are marked as parameters are left out
// and the tensors are put in as initializers; every other byte stays as it is. Initializers and
// not inputs, so that ONNX Runtime computes once what follows from the weights alone.

const MODEL_GRAPH = 7;
const GRAPH_INITIALIZER = 5;
const GRAPH_INPUT = 11;
const VALUE_NAME = 1;
const VALUE_DOC = 3;
const TENSOR = { dims: 1, type: 2, name: 8, raw: 9 };
const PARAMETER = "parameter";
const TYPES = { F32: 1, U8: 2, I8: 3, I32: 6, I64: 7, F16: 10, F64: 11 };

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5];

/** The bytes of the model. Throws where the graph's parameters are not the tensors given. */
export function bind(graph, tensors) {
  const left = new Set(tensors.keys());
  const chunks = [];
  for (const field of fields(graph)) {
    if (field.number === MODEL_GRAPH) chunks.push(...boundGraph(field.content, tensors, left));
    else chunks.push(field.whole);
  }
  if (left.size) throw new Error(`The graph has no parameter ${[...left].join(", ")}.`);
  return joined(chunks);
}

function boundGraph(graph, tensors, left) {
  const chunks = [];
  for (const field of fields(graph)) {
    const name = field.number === GRAPH_INPUT ? parameterName(field.content) : null;
    if (name === null) {
      chunks.push(field.whole);
      continue;
    }
    if (!left.delete(name)) throw new Error(`The weights have no tensor ${name}.`);
    chunks.push(...message(GRAPH_INITIALIZER, initializer(name, tensors.get(name))));
  }
  return message(MODEL_GRAPH, chunks);
}

/** The name of an input that is a parameter, null for any other. */
function parameterName(value) {
  let name = null;
  let isParameter = false;
  for (const field of fields(value)) {
    if (field.number === VALUE_NAME) name = text(field.content);
    if (field.number === VALUE_DOC) isParameter = text(field.content) === PARAMETER;
  }
  return isParameter ? name : null;
}

function initializer(name, { dtype, shape, data }) {
  if (!(dtype in TYPES)) throw new Error(`Tensor ${name} has the dtype ${dtype}.`);
  return [
    ...shape.map((size) => varints(TENSOR.dims << 3, size)),
    varints(TENSOR.type << 3, TYPES[dtype]),
    ...message(TENSOR.name, [new TextEncoder().encode(name)]),
    ...message(TENSOR.raw, [data]),
  ];
}

function message(number, chunks) {
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return [varints((number << 3) | BYTES, length), ...chunks];
}

function varints(...numbers) {
  const bytes = [];
  for (let number of numbers) {
    while (number > 127) {
      bytes.push((number % 128) | 128);
      number = Math.floor(number / 128);
    }
    bytes.push(number);
  }
  return Uint8Array.from(bytes);
}

/** The fields of a message: number, the content of those that have a length, and all bytes. */
function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      if (at >= bytes.length) throw new Error("The graph is cut off.");
      const byte = bytes[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const start = at;
    const key = varint();
    const wire = key & 7;
    let length = { [FIXED64]: 8, [FIXED32]: 4 }[wire] ?? 0;
    if (wire === VARINT) varint();
    else if (wire === BYTES) length = varint();
    const content = bytes.subarray(at, at + length);
    at += length;
    if (at > bytes.length) throw new Error("The graph is cut off.");
    yield { number: Math.floor(key / 8), content, whole: bytes.subarray(start, at) };
  }
}

function joined(chunks) {
  const all = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

const text = (bytes) => new TextDecoder().decode(bytes);
