// Bytes from the site that hosts this page; published files only if they are the published bytes.

/** The bytes of `url`. `progress` is told how many of how many have come. */
export async function received(url, progress = () => {}) {
  const name = url.pathname.split("/").pop();
  const response = await fetch(url).catch(() => null);
  if (!response) throw new Error(`${name} could not be fetched: is the network there?`);
  if (!response.ok) throw new Error(`${name} could not be fetched: HTTP ${response.status}.`);
  const chunks = [];
  let loaded = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    loaded += value.length;
    progress({ name, loaded });
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** The bytes of a published file. Throws unless size and sha256 are those of the manifest. */
export async function verified(url, { file, size, sha256 }, progress) {
  if (!globalThis.crypto?.subtle) {
    throw new Error("This browser checks files on https addresses only, and this is not one.");
  }
  const bytes = await received(url, progress);
  const digest = hex(await crypto.subtle.digest("SHA-256", bytes));
  if (bytes.length === size && digest === sha256) return bytes;
  throw new Error(
    `Refused: ${file} is not the published file. The manifest says ${size} bytes, ` +
      `sha256 ${sha256}; what arrived has ${bytes.length} bytes, sha256 ${digest}.`,
  );
}

/** The content of gzip's bytes; a host that says so in a header has unzipped them already. */
export async function unzipped(bytes) {
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  const content = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(content).arrayBuffer());
}

const hex = (buffer) =>
  Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
