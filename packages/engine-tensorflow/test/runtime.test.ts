/** Settings, concurrency, failures, memory: what the conformance suite does not ask of every engine. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { compile, groupNorm, type HostTensor, hostTensor, type ProgramFunction, type Store } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, test } from "vitest";
import { type Lowering, type TensorflowEngine, tensorflow } from "../src/index.js";
import { registerLowering } from "../src/lowering/registry.js";
import { noLibrary } from "./library.js";

const THREADS = 2;
const lowerings: readonly Lowering[] = ["xla", "clusters", "graph"];
const engines = {} as Record<Lowering, TensorflowEngine>;
for (const lowering of noLibrary === undefined ? lowerings : []) {
  engines[lowering] = await tensorflow({ lowering, threads: THREADS });
}
const { graph: engine } = engines;
afterAll(() => Promise.all(Object.values(engines).map((one) => one.dispose())));

const vector = (n: number) => ({ shape: [n], dtype: "float32" as const });
const matrix = (n: number) => ({ shape: [n, n], dtype: "float32" as const });
const scalar = { shape: [], dtype: "float32" as const };

const SIZE = 700;
/** A square matrix times itself many times: a second of work or so. */
const heavy: ProgramFunction = (_, { x }) => {
  let y = x as tf.Tensor2D;
  for (let i = 0; i < 60; i++) y = tf.tanh(tf.matMul(y, x));
  return { outputs: { y: tf.sum(y) } };
};
const heavySpecs = { state: {}, inputs: { x: matrix(SIZE) } };
const heavyInput = { x: hostTensor(new Float32Array(SIZE * SIZE).fill(1e-3), [SIZE, SIZE]) };

async function read(store: Store, path: string): Promise<number[]> {
  return [...((await store.read([path])).get(path) as HostTensor).data];
}

describe.skipIf(noLibrary !== undefined)(`TensorFlow${noLibrary ? ` (skipped: ${noLibrary})` : ""}`, () => {
  describe("while a step computes", () => {
    test("timers fire and a server answers", async () => {
      const program = await compile(engine, heavy, heavySpecs, engine.createStore());
      const server = createServer((_request, response) => response.end("alive"));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      let done = false;
      const running = program.run(heavyInput).finally(() => {
        done = true;
      });
      let ticks = 0;
      const timer = setInterval(() => ticks++, 2);
      const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
      expect(await answer.text()).toBe("alive");
      expect(done).toBe(false);
      await running;
      clearInterval(timer);
      expect(ticks).toBeGreaterThan(3);
      await new Promise((resolve) => server.close(resolve));
    });

    test("another program runs beside it, on a store of its own", async () => {
      const long = await compile(engine, heavy, heavySpecs, engine.createStore());
      const short = await compile(
        engine,
        (_s, { x }) => ({ outputs: { y: tf.neg(x) } }),
        { state: {}, inputs: { x: vector(2) } },
        engine.createStore(),
      );
      let longDone = false;
      const running = long.run(heavyInput).then(() => {
        longDone = true;
      });
      const { y } = await short.run({ x: hostTensor([1, 2], [2]) });
      expect([[...y.data], longDone]).toEqual([[-1, -2], false]);
      await running;
    });

    test("disposing of the program, its store and the engine waits for it", async () => {
      const own = await tensorflow({ threads: THREADS });
      const store = own.createStore();
      const program = await compile(own, heavy, heavySpecs, store);
      const running = program.run(heavyInput);
      const disposing = Promise.all([program.dispose(), store.dispose(), own.dispose()]);
      expect(Number.isFinite((await running).y.data[0])).toBe(true);
      await disposing;
      await expect(program.run(heavyInput)).rejects.toThrow("the program was disposed");
      await expect(store.read(["w"])).rejects.toThrow("the store was disposed");
    });
  });

  test("a sampling step goes on where it was when it is compiled after many runs", async () => {
    const own = await tensorflow({ threads: THREADS });
    const store = own.createStore();
    await store.write([
      ["w", hostTensor([0.5, 1], [2])],
      ["b", hostTensor([1, 2], [2])],
      ["carry", hostTensor([0, 0], [2])],
    ]);
    const step: ProgramFunction = ({ w, b, carry }) => {
      const next = tf.add(tf.mul(carry, w), b);
      return { state: { carry: next }, outputs: { y: next } };
    };
    const specs = { state: { w: vector(2), b: vector(2), carry: vector(2) }, inputs: {} };
    const program = await compile(own, step, specs, store);
    const often = 300; // the smallest steps are compiled at their 256th run
    const runs = Array.from({ length: often }, () => program.run({}));
    const seconds = (await Promise.all(runs)).map(({ y }) => y.data[1]);
    expect(seconds).toEqual(Array.from({ length: often }, (_, i) => 2 * (i + 1)));
    expect(await read(store, "carry")).toEqual([2, 2 * often]);
    await own.dispose();
  });

  describe("a step's arithmetic", () => {
    test.each(lowerings)("sums squares of tensors of many sizes: %s", async (lowering) => {
      const shapes = [[70_001], ...Array.from({ length: 5 }, () => [65, 66]), [3], [3], [7, 2], []];
      const values = shapes.map((shape, k) => {
        const size = shape.reduce((a, b) => a * b, 1);
        return hostTensor(
          Float32Array.from({ length: size }, (_, i) => Math.cos(1.7 * i + k)),
          shape,
        );
      });
      const inputs = Object.fromEntries(values.map((value, i) => [`x${i}`, value]));
      const f: ProgramFunction = (_s, given: Record<string, tf.Tensor>) => {
        const squares = shapes.map((_, i) => tf.sum(tf.square(given[`x${i}`] as tf.Tensor)) as tf.Tensor);
        return { outputs: { y: squares.reduce((a, b) => tf.add(a, b)) } };
      };
      const program = await compile(engines[lowering], f, { state: {}, inputs }, engines[lowering].createStore());
      const { y } = await program.run(inputs);
      const expected = values.reduce((sum, { data }) => [...data].reduce((s, v) => s + v * v, sum), 0);
      expect(y.data[0] / expected).toBeCloseTo(1, 6);
      await program.dispose();
    });

    test.each(lowerings)("updates a parameter and its moments together, or none of them: %s", async (lowering) => {
      const one = engines[lowering];
      const store = one.createStore();
      await store.write(["p", "m", "v"].map((path, i) => [path, hostTensor([1 + i, 2 + i], [2])] as const));
      const f: ProgramFunction = ({ p, m, v }, { grad }) => {
        const ok = tf.less(tf.sqrt(tf.sum(tf.square(grad))), tf.scalar(100));
        const nextM = tf.add(tf.mul(m, 0.5), tf.mul(grad, 0.5));
        const nextV = tf.add(tf.mul(v, 0.5), tf.mul(tf.square(grad), 0.5));
        const nextP = tf.sub(p, tf.div(nextM, tf.sqrt(nextV)));
        return { state: { p: tf.where(ok, nextP, p), m: tf.where(ok, nextM, m), v: tf.where(ok, nextV, v) } };
      };
      const specs = { state: { p: vector(2), m: vector(2), v: vector(2) }, inputs: { grad: vector(2) } };
      const program = await compile(one, f, specs, store);
      const state = async () => Promise.all(["p", "m", "v"].map((path) => read(store, path)));
      const before = await state();
      for (const refused of [Number.NaN, Number.POSITIVE_INFINITY, 1000]) {
        await program.run({ grad: hostTensor([1, refused], [2]) });
        expect(await state()).toEqual(before);
      }
      await program.run({ grad: hostTensor([2, -1], [2]) });
      const [m, v] = [
        [2, 1],
        [3.5, 2.5],
      ] as const;
      const p = [1 - m[0] / Math.sqrt(v[0]), 2 - m[1] / Math.sqrt(v[1])].map((x) => expect.closeTo(x, 6));
      expect(await state()).toEqual([p, [...m], [...v]]);
      await store.dispose();
    });

    test.each(lowerings)("keeps every path what it is when small states are updated as one: %s", async (lowering) => {
      const one = engines[lowering];
      const store = one.createStore();
      const both = { a: vector(2), b: matrix(2) };
      const first = { "p.a": [1, 2], "p.b": [3, 4, 5, 6], "m.a": [0, 1], "m.b": [2, 3, 4, 5] };
      const shape = (path: string) => (path.endsWith("a") ? [2] : [2, 2]);
      await store.write(Object.entries(first).map(([path, v]) => [path, hostTensor(v, shape(path))] as const));
      const step: ProgramFunction = ({ p, m }, { x }) => {
        const ok = tf.less(x, 10);
        const update = (name: "a" | "b") => {
          const next = tf.add(tf.mul(m[name], 0.5), x);
          return [tf.where(ok, tf.sub(p[name], next), p[name]), tf.where(ok, next, m[name])] as const;
        };
        const [a, b] = [update("a"), update("b")];
        return { state: { p: { a: a[0], b: b[0] }, m: { a: a[1], b: b[1] } }, outputs: { sum: tf.sum(p.b) } };
      };
      const specs = { state: { p: both, m: both }, inputs: { x: { shape: [], dtype: "float32" as const } } };
      const program = await compile(one, step, specs, store);
      const total: ProgramFunction = ({ p }) => ({ outputs: { y: tf.add(tf.sum(p.a), tf.sum(p.b)) } });
      const reader = await compile(one, total, { state: { p: both }, inputs: {} }, store);
      const expected = Object.fromEntries(Object.entries(first).map(([path, v]) => [path, [...v]]));
      const advance = (x: number) => {
        for (const name of ["a", "b"]) {
          const [p, m] = [expected[`p.${name}`], expected[`m.${name}`]] as [number[], number[]];
          for (const i of p.keys()) {
            m[i] = (m[i] as number) * 0.5 + x;
            p[i] = (p[i] as number) - (m[i] as number);
          }
        }
      };
      const state = async () =>
        Object.fromEntries([...(await store.read(Object.keys(first)))].map(([k, v]) => [k, [...v.data]]));
      const sum = (...paths: string[]) => paths.flatMap((path) => expected[path] as number[]).reduce((a, b) => a + b);
      for (const x of [1, 2]) {
        const before = sum("p.b");
        expect((await program.run({ x })).sum.data[0]).toBe(before);
        advance(x);
        expect((await reader.run()).y.data[0]).toBe(sum("p.a", "p.b"));
        expect(await state()).toEqual(expected);
      }
      await program.run({ x: 11 }); // refused
      expect(await state()).toEqual(expected);
      await store.write([["m.b", hostTensor([1, 1, 1, 1], [2, 2])]]);
      expected["m.b"] = [1, 1, 1, 1];
      await program.run({ x: 3 });
      advance(3);
      expect(await state()).toEqual(expected);
      expect([...store.specs()].map(([path, { shape }]) => [path, shape])).toEqual(
        Object.keys(first).map((path) => [path, shape(path)]),
      );
      await store.delete(["p.a"]);
      expect([...store.specs().keys()]).toEqual(["p.b", "m.a", "m.b"]);
      expect(await read(store, "p.b")).toEqual(expected["p.b"]);
      await expect(program.run({ x: 1 })).rejects.toThrow('store: no tensor at "p.a"');
      await store.dispose();
    });

    test("is the same where clusters compute again what a convolution separates from its use", async () => {
      const [images, kernel, channels] = [[4, 8, 8, 16], [3, 3, 16, 16], [16]];
      const shapes = { x: images, w1: kernel, w2: kernel, scale: channels, offset: channels };
      const inputs = Object.fromEntries(
        Object.entries(shapes).map(([name, shape], k) => {
          const size = shape.reduce((a, b) => a * b, 1);
          return [
            name,
            hostTensor(
              Float32Array.from({ length: size }, (_, i) => Math.cos(1.7 * i * (k + 1) + k) / 4),
              shape,
            ),
          ];
        }),
      );
      const loss = (x: tf.Tensor, w1: tf.Tensor, w2: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) => {
        const y = groupNorm(tf.conv2d(x as tf.Tensor4D, w1 as tf.Tensor4D, 1, "same"), scale, offset, 4);
        const z = tf.conv2d(tf.mul(y, tf.sigmoid(y)) as tf.Tensor4D, w2 as tf.Tensor4D, 2, "same");
        return tf.mean(tf.square(z)) as tf.Scalar;
      };
      const f: ProgramFunction = (_s, { x, w1, w2, scale, offset }) => ({
        outputs: Object.fromEntries(
          tf
            .grads(loss as Parameters<typeof tf.grads>[0])([x, w1, w2, scale, offset])
            .entries(),
        ),
      });
      const [compiled, expected] = await Promise.all(
        [engines.clusters, engines.graph].map(async (one) => {
          const program = await compile(one, f, { state: {}, inputs }, one.createStore());
          const results = await program.run(inputs);
          await program.dispose();
          return Object.values(results as Record<string, HostTensor>).map(({ data }) => [...data]);
        }),
      );
      expect(compiled).toHaveLength(5);
      compiled?.forEach((values, i) => {
        const known = expected?.[i] as number[];
        const largest = Math.max(...known.map(Math.abs));
        expect(largest).toBeGreaterThan(0);
        values.forEach((value, j) => {
          expect(Math.abs(value - (known[j] as number))).toBeLessThan(1e-5 * largest);
        });
      });
    });

    test.each(lowerings)("takes a verdict that has more axes than the state: %s", async (lowering) => {
      const one = engines[lowering];
      const store = one.createStore();
      await store.write(["p", "m"].map((path, i) => [path, hostTensor([1 + i], [1])] as const));
      const f: ProgramFunction = ({ p, m }, { grad }) => {
        const ok = tf.reshape(tf.less(tf.sum(grad, undefined, true), 10), [1]); // (1, 1) before
        const nextM = tf.add(tf.mul(m, 0.5), 1);
        return { state: { p: tf.where(ok, tf.sub(p, nextM), p), m: tf.where(ok, nextM, m) } };
      };
      const specs = { state: { p: vector(1), m: vector(1) }, inputs: { grad: matrix(2) } };
      const program = await compile(one, f, specs, store);
      const state = async () => [await read(store, "p"), await read(store, "m")];
      await program.run({ grad: hostTensor([1, 2, 3, 4], [2, 2]) });
      expect(await state()).toEqual([[1], [2]]);
      await program.run({ grad: hostTensor([1, 2, 3, 3], [2, 2]) });
      expect(await state()).toEqual([[-1], [2]]);
      await store.dispose();
    });
  });

  describe("state", () => {
    test.each(lowerings)("of a run that fails stays as it was: %s", async (lowering) => {
      const one = engines[lowering];
      const store = one.createStore();
      await store.write([["w", hostTensor([1, 2], [2])]]);
      const f: ProgramFunction = ({ w }, { at }) => ({
        state: { w: tf.add(w, 1) },
        outputs: { y: tf.gather(tf.reshape(w, [2]), at) },
      });
      const specs = { state: { w: vector(2) }, inputs: { at: { shape: [1], dtype: "int32" as const } } };
      const program = await compile(one, f, specs, store);
      const failed = await program.run({ at: hostTensor([7], [1], "int32") }).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (lowering !== "graph")
        expect(failed).toBeUndefined(); // XLA checks no bounds: indices are clamped
      else expect(failed).toMatch(/engine tensorflow: GatherV2 failed: indices\[0\] = 7 .*runtime\.test\.ts:\d+/);
      const expected = lowering !== "graph" ? [2, 3] : [1, 2];
      expect(await read(store, "w")).toEqual(expected);
      await store.dispose();
    });

    test("one value may become several paths and an output; inputs are copied", async () => {
      for (const one of Object.values(engines)) {
        const store = one.createStore();
        const f: ProgramFunction = (_, { x }) => {
          const y = tf.neg(x);
          return { state: { a: y, b: y, c: x }, outputs: { y, x } };
        };
        const program = await compile(one, f, { state: {}, inputs: { x: vector(2) } }, store);
        const { y } = await program.run({ x: hostTensor([1, 2], [2]) });
        await program.run({ x: hostTensor([3, 4], [2]) });
        const values = [[...y.data], await read(store, "a"), await read(store, "b"), await read(store, "c")];
        expect(values).toEqual([
          [-1, -2],
          [-3, -4],
          [-3, -4],
          [3, 4],
        ]);
        await store.dispose();
      }
    });

    test("a path that is missing, or of another shape, is named", async () => {
      const store = engine.createStore();
      const f: ProgramFunction = ({ w }) => ({ outputs: { y: tf.neg(w) } });
      const program = await compile(engine, f, { state: { w: vector(2) }, inputs: {} }, store);
      await expect(program.run()).rejects.toThrow('store: no tensor at "w"; it holds nothing');
      await store.write([["w", hostTensor([1, 2, 3], [3])]]);
      await expect(program.run()).rejects.toThrow(
        'state "w" is float32[3] in the store, but the program was compiled for float32[2]',
      );
      await store.write([["w", hostTensor([1, 2], [2])]]);
      expect([...(await program.run()).y.data]).toEqual([-1, -2]);
      await store.dispose();
    });
  });

  describe("failures are one line", () => {
    test.each(lowerings)("NaN inside %s is a value, not a failure", async (lowering) => {
      const f: ProgramFunction = (_s, { x }) => ({ outputs: { y: tf.div(tf.log(x), tf.sqrt(x)) } });
      const one = engines[lowering];
      const program = await compile(one, f, { state: {}, inputs: { x: vector(3) } }, one.createStore());
      const { y } = await program.run({ x: hostTensor([-1, 0, 1], [3]) });
      expect([...y.data]).toEqual([Number.NaN, Number.NEGATIVE_INFINITY, 0]);
    });

    test.each(lowerings)("too little memory in %s", async (lowering) => {
      const one = engines[lowering];
      const n = 2 ** 20;
      const f: ProgramFunction = (_s, { x }) => ({
        outputs: { y: tf.sum(tf.exp(tf.matMul(tf.reshape(x, [n, 1]), tf.reshape(x, [1, n])))) },
      });
      const program = await compile(one, f, { state: {}, inputs: { x: vector(n) } }, one.createStore());
      const x = hostTensor(new Float32Array(n).fill(1e-3), [n]);
      const message = await program.run({ x }).then(
        () => "it ran",
        (error: Error) => error.message,
      );
      expect(message).toMatch(/^engine tensorflow: out of memory[^\n]*use a smaller batch or model$/);
      const small = await compile(
        one,
        (_s, { v }) => ({ outputs: { y: tf.neg(v) } }),
        { state: {}, inputs: { v: scalar } },
        one.createStore(),
      );
      expect((await small.run({ v: 2 })).y.data[0]).toBe(-2);
    });

    test("a form of a kernel that TensorFlow lacks is refused when it is compiled", async () => {
      const f: ProgramFunction = (_s, { x, w }) => ({ outputs: { y: tf.depthwiseConv2d(x, w, [1, 2], "same") } });
      const inputs = {
        x: { shape: [1, 4, 4, 2], dtype: "float32" as const },
        w: { shape: [3, 3, 2, 1], dtype: "float32" as const },
      };
      await expect(compile(engine, f, { state: {}, inputs }, engine.createStore())).rejects.toThrow(
        /engine tensorflow: kernel DepthwiseConv2dNative is not supported \(strides 1,2; .*runtime\.test\.ts:\d+/,
      );
    });
  });

  test("an operation that the library does not have is refused when it is compiled, with kernel and line", async () => {
    registerLowering("OfTomorrow", (b, { input }) => b.unary("NoSuchOperation", input("x")));
    const graph = {
      values: [vector(1), vector(1)],
      constants: new Map(),
      nodes: [{ kernel: "OfTomorrow", attrs: {}, inputs: { x: 0 }, outputs: [1], site: "model.ts:3:7" }],
      inputs: [{ name: "x", value: 0 }],
      states: [],
      outputs: [{ name: "y", value: 1 }],
    };
    await expect(engine.compile(graph, engine.createStore())).rejects.toThrow(
      /engine tensorflow: kernel OfTomorrow is not supported \(TensorFlow \S+: Op type not registered 'NoSuchOperation'.*called at model\.ts:3:7$/,
    );
  });

  describe("settings", () => {
    test.each([
      [{ threads: 0 }, "threads must be a positive integer, got 0"],
      [{ threads: THREADS + 1 }, `threads ${THREADS + 1} cannot be had: this process runs TensorFlow with ${THREADS}`],
      [{ device: "tpu" }, "device must be cpu, gpu or gpu:N, got tpu"],
      [{ device: "cpu:1" }, "device must be cpu, gpu or gpu:N, got cpu:1"],
      [{ device: "gpu:63" }, "device gpu:63 is not there: TensorFlow found"],
      [{ precision: "fp16" as never }, "precision must be one of float32, bf16, got fp16"],
      [{ lowering: "jit" as never }, "lowering must be one of xla, clusters, graph, got jit"],
    ])("%j is refused", async (options, message) => {
      await expect(tensorflow(options)).rejects.toThrow(`@latentkit/engine-tensorflow: ${message}`);
    });

    test("are told by the engine", () => {
      expect(engine.capabilities.details).toMatchObject({ threads: THREADS, precision: "float32", lowering: "graph" });
      expect(engine.capabilities.details.library).toMatch(/^TensorFlow \d+\.\d+/);
    });

    test("bf16 rounds the factors of products and nothing else", async () => {
      const own = await tensorflow({ precision: "bf16", threads: THREADS });
      const f: ProgramFunction = (_s, { a, b }) => ({ outputs: { product: tf.matMul(a, b), sum: tf.add(a, b) } });
      const program = await compile(own, f, { state: {}, inputs: { a: matrix(1), b: matrix(1) } }, own.createStore());
      const third = hostTensor([1 / 3], [1, 1]);
      const { product, sum } = await program.run({ a: third, b: third });
      const rounded = 0.333984375; // 1/3 in bfloat16
      expect(Math.abs((product.data[0] as number) - rounded ** 2)).toBeLessThan(rounded ** 2 * 2 ** -8);
      expect(product.data[0]).not.toBeCloseTo(1 / 9, 5);
      expect(sum.data[0]).toBeCloseTo(2 / 3, 7);
      await own.dispose();
    });
  });

  test.each(lowerings)("memory stays flat over thousands of runs and hundreds of programs: %s", async (lowering) => {
    const one = engines[lowering];
    const store = one.createStore();
    await store.write([["w", hostTensor(new Float32Array(10_000), [10_000])]]);
    const specs = { state: { w: vector(10_000) }, inputs: { x: vector(10_000) } };
    const f: ProgramFunction = ({ w }, { x }) => ({ state: { w: tf.add(w, x) }, outputs: { mean: tf.mean(w) } });
    const program = await compile(one, f, specs, store);
    const x = hostTensor(new Float32Array(10_000).fill(1), [10_000]);
    const scratch = engine.createStore();
    const round = async (runs: number, programs: number) => {
      for (let i = 0; i < runs; i++) await program.run({ x });
      for (let i = 0; i < programs; i++) {
        const brief: ProgramFunction = (_s, { v }) => ({ outputs: { y: tf.add(v, i) } });
        const other = await compile(engine, brief, { state: {}, inputs: { v: scalar } }, scratch);
        await other.run({ v: 1 });
        await other.dispose();
      }
      return process.memoryUsage().rss;
    };
    const before = await round(1500, 100);
    const after = await round(3000, 200);
    expect((await program.run({ x })).mean.data[0]).toBe(4500);
    expect(after / before).toBeLessThan(1.1);
    await Promise.all([store.dispose(), scratch.dispose()]);
  });
});
