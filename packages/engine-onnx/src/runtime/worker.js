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

/** Outputs of at most this many bytes are copied sooner than handed over, so that their tensors serve every run. */
const MAX_COPIED = 4096;

/** @typedef {Float32Array | Int32Array | Uint8Array} Data */

/**
 * A tensor of a store: two buffers, of which runs read the current and write the spare one.
 *
 * @typedef {{ dtype: WireTensor["dtype"], shape: readonly number[], buffers: Data[], current: number }} Entry
 */

/** @type {Map<number, Map<string, Entry>>} */
const stores = new Map();

/** @typedef {{ entry: Entry, tensors: Tensor[][] }} Bound A state's entry with the program's tensors over its buffers: for each input, then the output. */

/**
 * `bound` by the position of the state; `kept` the small outputs, written anew by every run.
 *
 * @typedef {{ session: InferenceSession, description: ProgramDescription, bound: Bound[], kept: Map<string, Tensor> }} Program
 */

/** @type {Map<number, Program>} */
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

/** The buffer that the next run writes. @param {Entry} entry */
const spareOf = (entry) => (entry.current === 0 ? 1 : 0);

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
 * @param {Bound} bound @param {number} port @param {number} i @param {readonly number[]} shape
 */
function tensorOf({ entry, tensors }, port, i, shape) {
  const buffer = bufferOf(entry, i);
  const ofPort = tensors[port] ?? [];
  tensors[port] = ofPort;
  if (ofPort[i]?.data !== buffer) ofPort[i] = new Tensor(entry.dtype, buffer, shape);
  return /** @type {Tensor} */ (ofPort[i]);
}

/** @param {ArrayBuffer} packed @param {WireTensor & { offset: number }} input */
function inputTensor(packed, { dtype, shape, offset }) {
  const type = dtype === "float32" ? Float32Array : dtype === "int32" ? Int32Array : Uint8Array;
  return new Tensor(dtype, new type(packed, offset, sizeOf(shape)), shape);
}

/** @param {WireTensor} output */
const outputTensor = ({ dtype, shape }) => new Tensor(dtype, allocate(dtype, sizeOf(shape)), shape);

/** @param {WireTensor} output */
const isSmall = ({ dtype, shape }) => sizeOf(shape) * (dtype === "bool" ? 1 : 4) <= MAX_COPIED;

/** @param {Extract<Request, { type: "compile" }>} request */
async function compile({ program, bytes, options, description }) {
  const session = await natively(() =>
    InferenceSession.create(bytes, /** @type {InferenceSession.SessionOptions} */ (options)),
  );
  const small = [...description.outputs.filter(isSmall), ...description.conditions];
  programs.set(program, {
    session,
    description,
    bound: [],
    kept: new Map(small.map((port) => [port.name, outputTensor(port)])),
  });
}

/** @param {Extract<Request, { type: "run" }>} request @returns {Promise<{ result: Reply["result"], transfer: ArrayBuffer[] }>} */
async function run({ program: id, store: storeId, packed }) {
  const program = programs.get(id);
  if (program === undefined) throw new Error("the program was disposed");
  const { session, description, bound, kept } = program;
  const store = storeOf(storeId);
  /** @type {Record<string, Tensor>} */
  const feeds = {};
  /** @type {Record<string, Tensor>} */
  const fetches = {};
  for (const input of description.inputs) feeds[input.name] = inputTensor(packed, input);
  for (const output of description.outputs) fetches[output.name] = kept.get(output.name) ?? outputTensor(output);
  for (const { name } of description.conditions) fetches[name] = /** @type {Tensor} */ (kept.get(name));
  description.states.forEach((state, i) => {
    const entry = entryOf(store, state);
    const own = bound[i]?.entry === entry ? bound[i] : { entry, tensors: [] };
    bound[i] = own;
    const { before, after } = state;
    before.forEach(({ name, shape }, k) => {
      feeds[name] = tensorOf(own, k, entry.current, shape);
    });
    if (after !== undefined) fetches[after.name] = tensorOf(own, before.length, spareOf(entry), after.shape);
  });
  const started = performance.now();
  await natively(() => session.run(feeds, fetches));
  const computeMs = performance.now() - started;
  description.states.forEach(({ path, after, when }, i) => {
    if (after === undefined || (when !== undefined && fetches[when]?.data[0] === 0)) return;
    const { entry } = /** @type {Bound} */ (bound[i]);
    entry.current = spareOf(entry);
    store.set(path, entry);
  });
  const outputs = description.outputs.map(({ name }) => /** @type {Data} */ (fetches[name]?.data));
  const given = description.outputs.flatMap((output, i) =>
    isSmall(output) ? [] : [/** @type {ArrayBuffer} */ (outputs[i]?.buffer)],
  );
  return { result: { packed, outputs, computeMs }, transfer: [packed, ...given] };
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

/** Lets go of tensors that may be gone; the next runs find theirs again. */
function unbind() {
  for (const { bound } of programs.values()) bound.length = 0;
}

/** @param {number} id */
function forgetStore(id) {
  stores.delete(id);
  unbind();
}

/** @param {Extract<Request, { type: "delete" }>} request */
function deletePaths({ store: id, paths }) {
  for (const path of paths) storeOf(id).delete(path);
  unbind();
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
