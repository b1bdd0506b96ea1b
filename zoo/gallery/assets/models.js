// The page's side of the worker.

const waiting = new Map();
let requests = 0;
let worker = null;

/** The worker, started when it is first asked: its runtime is half the weight of the index. */
function started() {
  if (worker) return worker;
  worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }) => hear(data);
  worker.onerror = (event) => {
    event.preventDefault();
    for (const { reject } of waiting.values()) reject(new Error("The models could not be started."));
    waiting.clear();
    worker = null;
  };
  return worker;
}

function hear({ id, result, refusal, progress, piece }) {
  const one = waiting.get(id);
  if (!one) return;
  if (progress) return one.onProgress?.(progress);
  if (piece) return one.onPiece?.(piece);
  waiting.delete(id);
  if (refusal === undefined) one.resolve(result);
  else one.reject(new Error(refusal));
}

function ask(request, listeners = {}) {
  const id = ++requests;
  const answer = new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject, ...listeners });
  });
  started().postMessage({ id, ...request });
  return { id, answer };
}

/** Fetches, verifies and opens a record; later calls find it open. */
export const open = (name, onProgress) => ask({ action: "open", name }, { onProgress }).answer;

/** {output, milliseconds} for float32 `data` of this shape. */
export const run = (name, data, shape) => ask({ action: "run", name, data, shape }).answer;

/** Continues a prompt; `stop()` ends it, `answer` resolves when it has ended. */
export function write(name, options, onPiece) {
  const { id, answer } = ask({ action: "write", name, ...options }, { onPiece });
  return { answer, stop: () => ask({ action: "stop", target: id }) };
}
