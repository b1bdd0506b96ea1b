// The networks run here, away from the page: files are fetched, verified, bound and opened with
// onnxruntime-web. A request {id, action, ...} is answered by {id, result} or {id, refusal}, on
// the way by {id, progress} and, while text is written, by {id, piece}.

import * as ort from "../onnxruntime/ort.wasm.min.mjs";
import { bind } from "./binding.js";
import { readSafetensors } from "./safetensors.js";
import { choose } from "./sampling.js";
import { Continuation, readVocabulary, tokenize } from "./text.js";
import { received, unzipped, verified } from "./verification.js";

const WEIGHTS = new URL("../weights/", import.meta.url);
const RUNTIME = new URL("../onnxruntime/", import.meta.url);
const KINDS = ["onnx-graph", "safetensors", "vocabulary"];
const PROMPT_CHUNK = 64; // time steps; bounds the logits that a long prompt needs at once
const WASM = "ort-wasm-simd-threaded.wasm.gz";

ort.env.wasm.numThreads = 1; // more would need headers that not every web host can send
ort.env.wasm.wasmPaths = RUNTIME.href;

const opened = new Map();
const stopped = new Set();
let manifest = null;
let runtime = null;

const actions = { open, run, write, stop };

self.onmessage = async ({ data: { id, action, ...request } }) => {
  try {
    self.postMessage({ id, result: await actions[action](request, id) });
  } catch (error) {
    self.postMessage({ id, refusal: error.message });
  }
};

/** Opens a record, once. */
async function open({ name }, id) {
  if (!opened.has(name)) {
    const opening = openRecord(name, (progress) => self.postMessage({ id, progress }));
    opened.set(name, opening);
    opening.catch(() => opened.delete(name));
  }
  await opened.get(name);
  return true;
}

async function openRecord(name, progress) {
  const [{ record, bytes }] = await Promise.all([files(name, progress), loadRuntime(progress)]);
  progress({ text: `Opening ${name}` });
  const model = bind(bytes["onnx-graph"], readSafetensors(bytes.safetensors));
  const session = await ort.InferenceSession.create(model);
  await session.run(Object.fromEntries(record.inputs.map((spec) => [spec.name, zeros(spec)])));
  const tokens = bytes.vocabulary && readVocabulary(bytes.vocabulary);
  const index = tokens && new Map(tokens.map((token, number) => [token, number]));
  return { record, session, tokens, index };
}

/** A record and, by kind, the verified bytes of its files. */
async function files(name, progress) {
  const record = await findRecord(name);
  const bytes = {};
  const fetching = KINDS.filter((kind) => record.artifacts[kind]).map(async (kind) => {
    const artifact = record.artifacts[kind];
    bytes[kind] = await verified(new URL(artifact.file, WEIGHTS), artifact, progress);
  });
  await Promise.all(fetching);
  return { record, bytes };
}

async function findRecord(name) {
  manifest ??= received(new URL("weights_manifest.json", WEIGHTS)).then((bytes) =>
    JSON.parse(new TextDecoder().decode(bytes)),
  );
  manifest.catch(() => (manifest = null));
  return (await manifest).weights[name];
}

async function loadRuntime(progress) {
  runtime ??= received(new URL(WASM, RUNTIME), progress)
    .then(unzipped)
    .then((bytes) => (ort.env.wasm.wasmBinary = bytes));
  runtime.catch(() => (runtime = null));
  await runtime;
}

/** The first output for rows of numbers, and how long the network took. */
async function run({ name, data, shape }) {
  const { record, session } = await opened.get(name);
  const input = new ort.Tensor("float32", data, shape);
  const start = performance.now();
  const outputs = await session.run({ [record.inputs[0].name]: input });
  const milliseconds = performance.now() - start;
  return { output: outputs[record.outputs[0].name].data, milliseconds };
}

/** An input of zeros, every free axis 1: a state before any text, and the first run's input, which
 * takes longer than those that visitors wait for. */
function zeros({ shape, dtype }) {
  const sizes = shape.map((size) => (typeof size === "number" ? size : 1));
  const Numbers = dtype === "int64" ? BigInt64Array : Float32Array;
  return new ort.Tensor(dtype, new Numbers(sizes.reduce((a, b) => a * b)), sizes);
}

/** A prompt continued, token by token, until it is long enough or stopped. */
async function write({ name, prompt, length, temperature, topK }, id) {
  const model = await opened.get(name);
  const { level, unknown } = model.record.preprocessing;
  const continuation = new Continuation(prompt, level);
  const post = (text, facts) => self.postMessage({ id, piece: { text, ...facts } });
  let { logits, state } = await readPrompt(model, promptIds(model, prompt));
  let milliseconds = 0;
  let count = 0;
  const mean = () => milliseconds / Math.max(1, count - 1); // the first token is the prompt's
  while (count < length && !stopped.delete(id)) {
    if (unknown !== null) logits[model.index.get(unknown)] = -Infinity;
    const token = choose(logits, { temperature, topK }, random());
    count += 1;
    post(continuation.add(model.tokens[token]), { count, milliseconds: mean() });
    await new Promise((resume) => setTimeout(resume)); // so that a stop is heard
    if (count === length) break;
    const start = performance.now();
    ({ logits, state } = await step(model, [token], state));
    milliseconds += performance.now() - start;
  }
  const rest = continuation.rest();
  if (rest) post(rest, { count, milliseconds: mean() });
  return { count };
}

function stop({ target }) {
  stopped.add(target);
  return true;
}

/** A line's beginning, where the model knows one, and the prompt's tokens. */
function promptIds({ record, index }, prompt) {
  const { level, unknown, end } = record.preprocessing;
  const tokens = tokenize(prompt, level);
  const begun = end === null ? (tokens.length ? tokens : ["\n"]) : [end, ...tokens];
  return begun.map((token) => {
    const number = index.get(token) ?? index.get(unknown);
    if (number === undefined) throw new Error(`The model has never seen ${JSON.stringify(token)}.`);
    return number;
  });
}

async function readPrompt(model, ids) {
  let state = model.record.inputs.slice(1).map(zeros);
  let logits;
  for (let at = 0; at < ids.length; at += PROMPT_CHUNK) {
    ({ logits, state } = await step(model, ids.slice(at, at + PROMPT_CHUNK), state));
  }
  return { logits, state };
}

/** The logits after the last of these tokens, and the next state. */
async function step({ record, session }, ids, state) {
  const [input, ...states] = record.inputs;
  const data = new ort.Tensor("int64", BigInt64Array.from(ids, BigInt), [ids.length, 1]);
  const given = Object.fromEntries(states.map(({ name }, at) => [name, state[at]]));
  const outputs = await session.run({ [input.name]: data, ...given });
  const [first, ...following] = record.outputs.map(({ name }) => outputs[name]);
  return { logits: first.data.slice(-first.dims.at(-1)), state: following };
}

const random = () => crypto.getRandomValues(new Uint32Array(1))[0] / 2 ** 32;
