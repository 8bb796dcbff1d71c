// @ts-check
/**
 * The thread that owns onnxruntime: its runs are synchronous calls, which here block nobody. Plain JavaScript, so that the same file runs
 * beside the sources and beside the built package. Messages are answered in the order they were sent.
 */
import { parentPort, workerData } from "node:worker_threads";
import { env, InferenceSession, Tensor } from "onnxruntime-node";

/** @import { ProgramDescription, Reply, Request, StateDescription, WireTensor } from "./messages.js" */

env.logLevel = "fatal"; // what goes wrong is thrown

/** Two flags shared with the process's exit handler: this thread is inside onnxruntime; the process ends. */
const flags = /** @type {Int32Array} */ (workerData);
const [BUSY, ENDING] = [0, 1];

/**
 * Calls onnxruntime. A thread that is stopped in the middle of a call would abort the process, so its end waits for the call, and no other begins.
 *
 * @template T @param {() => Promise<T>} call @returns {Promise<T>}
 */
async function natively(call) {
  Atomics.store(flags, BUSY, 1);
  try {
    if (Atomics.load(flags, ENDING) === 1) throw new Error("the process ends");
    return await call();
  } finally {
    Atomics.store(flags, BUSY, 0);
    Atomics.notify(flags, BUSY);
  }
}

/** Smaller buffers are copied sooner than handed over. */
const MIN_TRANSFERRED = 4096;

/** @typedef {Float32Array | Int32Array | Uint8Array} Data */

/**
 * A tensor of a store: two buffers, of which runs read the current and write the spare one.
 *
 * @typedef {{ dtype: WireTensor["dtype"], shape: readonly number[], buffers: Data[], current: number }} Entry
 */

/** @type {Map<number, Map<string, Entry>>} */
const stores = new Map();

/** @typedef {{ entry: Entry, tensors: Map<string, Tensor[]> }} Bound An entry with the tensors that a program has made over its buffers, by input or output. */

/** @type {Map<number, { session: InferenceSession, description: ProgramDescription, bindings: Map<string, Bound> }>} */
const programs = new Map();

/** @param {WireTensor["dtype"]} dtype @param {number} size @returns {Data} */
function allocate(dtype, size) {
  return dtype === "float32" ? new Float32Array(size) : dtype === "int32" ? new Int32Array(size) : new Uint8Array(size);
}

/** @param {readonly number[]} shape */
const sizeOf = (shape) => shape.reduce((n, dim) => n * dim, 1);

/** @param {number} id */
function storeOf(id) {
  let store = stores.get(id);
  if (store === undefined) {
    store = new Map();
    stores.set(id, store);
  }
  return store;
}

/** @param {{ dtype: string, shape: readonly number[] }} a @param {{ dtype: string, shape: readonly number[] }} b */
const sameSpec = (a, b) =>
  a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((dim, i) => dim === b.shape[i]);

/** @param {{ dtype: string, shape: readonly number[] }} spec */
const format = ({ dtype, shape }) => `${dtype}[${shape}]`;

/**
 * The entry of a state, created when the program writes it without reading it.
 *
 * @param {Map<string, Entry>} store @param {StateDescription} state
 */
function entryOf(store, state) {
  const entry = store.get(state.path);
  if (entry === undefined) {
    if (state.before.length > 0)
      throw Object.assign(new Error("missing"), { missing: state.path, known: [...store.keys()] });
    return { dtype: state.dtype, shape: state.shape, buffers: [], current: -1 };
  }
  if (sameSpec(entry, state)) return entry;
  if (state.before.length === 0) return { dtype: state.dtype, shape: state.shape, buffers: [], current: -1 };
  throw new Error(
    `state "${state.path}" is ${format(entry)} in the store, but the program was compiled for ${format(state)}`,
  );
}

/** @param {Entry} entry @param {number} i */
function bufferOf(entry, i) {
  let buffer = entry.buffers[i];
  if (buffer === undefined) {
    buffer = allocate(entry.dtype, sizeOf(entry.shape));
    entry.buffers[i] = buffer;
  }
  return buffer;
}

/**
 * The tensor over one of an entry's buffers, made once for each input and output of a program.
 *
 * @param {Bound} bound @param {string} name @param {number} i @param {readonly number[]} shape
 */
function tensorOf(bound, name, i, shape) {
  const buffer = bufferOf(bound.entry, i);
  let tensors = bound.tensors.get(name);
  if (tensors === undefined) {
    tensors = [];
    bound.tensors.set(name, tensors);
  }
  const known = tensors[i];
  if (known !== undefined && known.data === buffer) return known;
  const tensor = new Tensor(bound.entry.dtype, buffer, shape);
  tensors[i] = tensor;
  return tensor;
}

/** @param {Extract<Request, { type: "compile" }>} request */
async function compile({ program, bytes, options, description }) {
  const session = await natively(() =>
    InferenceSession.create(bytes, /** @type {InferenceSession.SessionOptions} */ (options)),
  );
  programs.set(program, { session, description, bindings: new Map() });
}

/** @param {Extract<Request, { type: "run" }>} request @returns {Promise<{ result: Reply["result"], transfer: ArrayBuffer[] }>} */
async function run({ program: id, store: storeId, packed }) {
  const program = programs.get(id);
  if (program === undefined) throw new Error("the program was disposed");
  const { session, description, bindings } = program;
  const store = storeOf(storeId);
  /** @type {Record<string, Tensor>} */
  const feeds = {};
  /** @type {Record<string, Tensor>} */
  const fetches = {};
  for (const { name, dtype, shape, offset } of description.inputs) {
    const size = sizeOf(shape);
    const data =
      dtype === "float32"
        ? new Float32Array(packed, offset, size)
        : dtype === "int32"
          ? new Int32Array(packed, offset, size)
          : new Uint8Array(packed, offset, size);
    feeds[name] = new Tensor(dtype, data, shape);
  }
  /** @type {Entry[]} */
  const entries = [];
  for (const state of description.states) {
    const entry = entryOf(store, state);
    entries.push(entry);
    const key = `${storeId} ${state.path}`;
    let bound = bindings.get(key);
    if (bound?.entry !== entry) {
      bound = { entry, tensors: new Map() };
      bindings.set(key, bound);
    }
    const { before, after } = state;
    for (const { name, shape } of before) feeds[name] = tensorOf(bound, name, entry.current, shape);
    if (after !== undefined)
      fetches[after.name] = tensorOf(bound, after.name, entry.current === 0 ? 1 : 0, after.shape);
  }
  for (const { name, dtype, shape } of description.outputs)
    fetches[name] = new Tensor(dtype, allocate(dtype, sizeOf(shape)), shape);
  for (const { name, shape } of description.conditions) fetches[name] ??= new Tensor("bool", new Uint8Array(1), shape);
  const started = performance.now();
  await natively(() => session.run(feeds, fetches));
  const computeMs = performance.now() - started;
  description.states.forEach((state, i) => {
    if (state.after === undefined) return;
    if (state.when !== undefined && /** @type {Tensor} */ (fetches[state.when]).data[0] === 0) return;
    const entry = /** @type {Entry} */ (entries[i]);
    entry.current = entry.current === 0 ? 1 : 0;
    store.set(state.path, entry);
  });
  const outputs = description.outputs.map(({ name }) => /** @type {Data} */ (fetches[name]?.data));
  return {
    result: { packed, outputs, computeMs },
    transfer: [
      packed,
      ...outputs.flatMap(({ buffer }) =>
        buffer.byteLength > MIN_TRANSFERRED ? [/** @type {ArrayBuffer} */ (buffer)] : [],
      ),
    ],
  };
}

/** @param {Extract<Request, { type: "write" }>} request */
function write({ store: id, entries }) {
  const store = storeOf(id);
  for (const { path, dtype, shape, data } of entries) {
    const entry = store.get(path);
    if (entry !== undefined && sameSpec(entry, { dtype, shape })) bufferOf(entry, entry.current).set(data);
    else store.set(path, { dtype, shape, buffers: [data], current: 0 });
  }
}

/** @param {Extract<Request, { type: "read" }>} request @returns {{ result: Reply["result"], transfer: ArrayBuffer[] }} */
function read({ store: id, paths }) {
  const store = storeOf(id);
  const outputs = paths.map((path) => {
    const entry = store.get(path);
    if (entry === undefined) throw Object.assign(new Error("missing"), { missing: path, known: [...store.keys()] });
    return { dtype: entry.dtype, shape: entry.shape, data: bufferOf(entry, entry.current).slice() };
  });
  return {
    result: { tensors: outputs },
    transfer: outputs.map(({ data }) => /** @type {ArrayBuffer} */ (data.buffer)),
  };
}

/** @param {number} id */
function forgetStore(id) {
  stores.delete(id);
  for (const { bindings } of programs.values()) {
    for (const key of bindings.keys()) if (key.startsWith(`${id} `)) bindings.delete(key);
  }
}

/** @param {Extract<Request, { type: "delete" }>} request */
function deletePaths({ store: id, paths }) {
  for (const path of paths) {
    storeOf(id).delete(path);
    for (const { bindings } of programs.values()) bindings.delete(`${id} ${path}`);
  }
}

/** @param {number} id */
async function disposeProgram(id) {
  const program = programs.get(id);
  programs.delete(id);
  if (program !== undefined) await natively(() => program.session.release());
}

/** @param {Request} request @returns {Promise<{ result?: Reply["result"], transfer?: ArrayBuffer[] }>} */
async function answer(request) {
  switch (request.type) {
    case "run":
      return run(request);
    case "compile":
      await compile(request);
      return {};
    case "write":
      write(request);
      return {};
    case "read":
      return read(request);
    case "delete":
      deletePaths(request);
      return {};
    case "disposeStore":
      forgetStore(request.store);
      return {};
    case "disposeProgram":
      await disposeProgram(request.program);
      return {};
  }
}

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);

/** @param {Request} request */
async function handle(request) {
  try {
    const { result, transfer = [] } = await answer(request);
    port.postMessage({ id: request.id, result }, transfer);
  } catch (error) {
    const { message, missing, known } = /** @type {Error & { missing?: string, known?: string[] }} */ (error);
    port.postMessage({ id: request.id, error: { message, missing, known } });
  }
}

Atomics.store(flags, BUSY, 0); // loaded
Atomics.notify(flags, BUSY);

let queue = Promise.resolve();
port.on("message", (/** @type {Request} */ request) => {
  queue = queue.then(() => handle(request));
});
