/** State between programs, order of requests, failures, memory, the end of the process. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { compile, type HostTensor, hostTensor, type ProgramFunction, type Store } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { onnx } from "../src/index.js";
import { OnnxBuilder } from "../src/lowering/builder.js";
import { encodeModel, type OnnxValue } from "../src/proto.js";

const engine = onnx({ threads: 2 });
afterAll(() => engine.dispose());

const vector = (n: number) => ({ shape: [n], dtype: "float32" as const });
const scalar = { shape: [], dtype: "float32" as const };

/** A square matrix times itself many times: tens of milliseconds of work. */
const heavy: ProgramFunction = (_, { x }) => {
  let y = x as tf.Tensor2D;
  for (let i = 0; i < 40; i++) y = tf.tanh(tf.matMul(y, x));
  return { outputs: { y: tf.sum(y) } };
};
const heavySpecs = { state: {}, inputs: { x: { shape: [512, 512], dtype: "float32" as const } } };
const heavyInput = { x: hostTensor(new Float32Array(512 * 512).fill(1e-3), [512, 512]) };

async function read(store: Store, path: string): Promise<number[]> {
  return [...((await store.read([path])).get(path) as HostTensor).data];
}

describe("state", () => {
  test("is shared by two programs whose runs alternate", async () => {
    const store = engine.createStore();
    await store.write([["w", hostTensor([1, 1], [2])]]);
    const specs = { state: { w: vector(2) }, inputs: {} };
    const double = await compile(engine, ({ w }) => ({ state: { w: tf.mul(w, 2) } }), specs, store);
    const increment = await compile(engine, ({ w }) => ({ state: { w: tf.add(w, 1) }, outputs: { w } }), specs, store);
    const runs = [];
    for (let i = 0; i < 5; i++) runs.push(double.run(), increment.run());
    const seen = (await Promise.all(runs)).flatMap(({ w }) => (w === undefined ? [] : [w.data[0]]));
    expect(seen).toEqual([2, 6, 14, 30, 62]);
    expect(await read(store, "w")).toEqual([63, 63]);
    await store.dispose();
  });

  test("one value may become several paths and an output", async () => {
    const store = engine.createStore();
    const f: ProgramFunction = (_, { x }) => {
      const y = tf.neg(x);
      return { state: { a: y, b: y, c: x }, outputs: { y, x } };
    };
    const program = await compile(engine, f, { state: {}, inputs: { x: vector(2) } }, store);
    const { y } = await program.run({ x: hostTensor([1, 2], [2]) });
    await program.run({ x: hostTensor([3, 4], [2]) });
    expect([[...y.data], await read(store, "a"), await read(store, "b"), await read(store, "c")]).toEqual([
      [-1, -2],
      [-3, -4],
      [-3, -4],
      [3, 4],
    ]);
    await store.dispose();
  });

  test("written and read between queued runs in the order of the calls", async () => {
    const store = engine.createStore();
    await store.write([["n", hostTensor([0], [])]]);
    const program = await compile(
      engine,
      ({ n }) => ({ state: { n: tf.add(n, 1) } }),
      { state: { n: scalar }, inputs: {} },
      store,
    );
    const first = program.run();
    const one = read(store, "n");
    const written = store.write([["n", hostTensor([10], [])]]);
    const second = program.run();
    const eleven = read(store, "n");
    expect([await one, await eleven]).toEqual([[1], [11]]);
    await Promise.all([first, written, second]);
    await store.dispose();
  });

  test("a path that is missing, or of another shape, is named", async () => {
    const store = engine.createStore();
    const program = await compile(
      engine,
      ({ w }) => ({ outputs: { y: tf.neg(w) } }),
      { state: { w: vector(2) }, inputs: {} },
      store,
    );
    await expect(program.run()).rejects.toThrow('store: no tensor at "w"; it holds nothing');
    await store.write([["w", hostTensor([1, 2, 3], [3])]]);
    await expect(program.run()).rejects.toThrow(
      'state "w" is float32[3] in the store, but the program was compiled for float32[2]',
    );
    await store.dispose();
    await expect(store.read(["w"])).rejects.toThrow("the store was disposed");
  });
});

describe("runs", () => {
  test("count the seconds spent in onnxruntime", async () => {
    const before = engine.nativeSeconds();
    const program = await compile(engine, heavy, heavySpecs, engine.createStore());
    const started = performance.now();
    await program.run(heavyInput);
    const wall = (performance.now() - started) / 1000;
    const native = engine.nativeSeconds() - before;
    expect(native).toBeGreaterThan(0);
    expect(native).toBeLessThan(wall);
  });

  test("a failure inside onnxruntime names kernel and line, and the engine goes on", async () => {
    const store = engine.createStore();
    const f: ProgramFunction = (_, { x, at }) => ({ outputs: { y: tf.gather(x, at) } });
    const program = await compile(
      engine,
      f,
      { state: {}, inputs: { x: vector(3), at: { shape: [1], dtype: "int32" } } },
      store,
    );
    const x = hostTensor([1, 2, 3], [3]);
    await expect(program.run({ x, at: hostTensor([7], [1], "int32") })).rejects.toThrow(
      /engine onnx: GatherV2 failed: .*runtime\.test\.ts:\d+/s,
    );
    const { y } = await program.run({ x, at: hostTensor([2], [1], "int32") });
    expect([...y.data]).toEqual([3]);
  });
});

test("memory stays flat over thousands of runs", async () => {
  const store = engine.createStore();
  await store.write([["w", hostTensor(new Float32Array(10_000), [10_000])]]);
  const specs = { state: { w: vector(10_000) }, inputs: { x: vector(10_000) } };
  const program = await compile(
    engine,
    ({ w }, { x }) => ({ state: { w: tf.add(w, x) }, outputs: { mean: tf.mean(w) } }),
    specs,
    store,
  );
  const x = hostTensor(new Float32Array(10_000).fill(1), [10_000]);
  const run = async (n: number) => {
    for (let i = 0; i < n; i++) await program.run({ x });
    return process.memoryUsage().rss;
  };
  const before = await run(2000);
  const after = await run(4000);
  expect((await program.run({ x })).mean.data[0]).toBe(6000);
  expect(after / before).toBeLessThan(1.1);
  await store.dispose();
});

describe("a process", () => {
  const worker = fileURLToPath(new URL("../src/runtime/worker.js", import.meta.url));
  const model = new OnnxBuilder();
  const x = { name: "x", shape: [400, 400], type: "float32" as const };
  let y: OnnxValue = x;
  for (let i = 0; i < 60; i++) y = model.matMul(y, x);
  const bytes = Buffer.from(encodeModel(model.finish([x], [y]))).toString("base64");

  /** The thread alone, as the package's own code uses it, in a process of its own that ends as `end` says. */
  const run = (end: string) => {
    const script = `
      const { Worker } = await import("node:worker_threads");
      const { pathToFileURL } = await import("node:url");
      const flags = new Int32Array(new SharedArrayBuffer(8)).fill(1, 0, 1);
      const worker = new Worker(pathToFileURL(${JSON.stringify(worker)}), { execArgv: [], workerData: flags });
      process.on("exit", () => { Atomics.store(flags, 1, 1); Atomics.wait(flags, 0, 1, 60000); });
      let id = 0;
      const ask = (request) => new Promise((resolve) => { worker.once("message", resolve); worker.postMessage({ ...request, id: id++ }); });
      const inputs = [{ name: "x", shape: [400, 400], dtype: "float32", offset: 0 }];
      const description = { inputs, states: [], outputs: [{ name: ${JSON.stringify(y.name)}, shape: [400, 400], dtype: "float32" }], conditions: [] };
      await ask({ type: "compile", program: 1, bytes: Buffer.from("${bytes}", "base64"), options: {}, description });
      const compute = () => ask({ type: "run", program: 1, store: 1, packed: new ArrayBuffer(640000) });
      ${end}`;
    return promisify(execFile)(process.execPath, ["--input-type=module", "-e", script], { timeout: 30_000 });
  };

  test("ends by itself when the thread is idle and forgotten", async () => {
    const { stdout, stderr } = await run(`console.log((await compute()).error ?? "computed"); worker.unref();`);
    expect([stdout.trim(), stderr]).toEqual(["computed", ""]);
  });

  test.each([0, 3, 10])("exits in the middle of runs without aborting, after %i ms", async (ms) => {
    const { stdout, stderr } = await run(
      `compute(); compute(); compute(); setTimeout(() => { console.log("end"); process.exit(0); }, ${ms});`,
    );
    expect([stdout.trim(), stderr]).toEqual(["end", ""]);
  });
});
