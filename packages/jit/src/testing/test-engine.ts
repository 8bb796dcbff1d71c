import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, it } from "vitest";
import { compile, type ProgramFunction } from "../compile.js";
import { eager } from "../eager.js";
import type { Engine, Store } from "../engine.js";
import { type HostTensor, hostTensor, type TensorSpec, UnsupportedKernelError } from "../index.js";
import { adamUpdate } from "../ops/index.js";
import { hostKey } from "../random/host-key.js";
import { fold, type Key, seedKey } from "../random/key.js";
import { bernoulli, categorical, normal, permutation, randomInteger, uniform } from "../random/sample.js";
import { onCpu, toHost, toTensor } from "../run-node.js";
import { flatten, mapTree, type Tree } from "../tree.js";
import { compositeCases } from "./composite-cases.js";
import { caseInputs, type KernelCase, kernelCases } from "./kernel-cases.js";

/** What {@link testEngine} tests. */
export interface TestEngineOptions {
  readonly name: string;
  /** Called once; the suite disposes what it gives. */
  readonly create: () => Engine;
  /** Which cases of kernels to run, by the kernels of each; all when absent. For an engine that is tested a second time in another setting. */
  readonly only?: (kernels: readonly string[]) => boolean;
  /** Cases that the engine cannot run, by name, each with its reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

const scalar: TensorSpec = { shape: [], dtype: "float32" };
const vector = (n: number): TensorSpec => ({ shape: [n], dtype: "float32" });

/** The conformance suite of engines: call it in a vitest file. Every kernel against tfjs's cpu backend, randomness, state, failures. */
export function testEngine({ name, create, only = () => true, skip = {} }: TestEngineOptions): void {
  describe(`engine ${name}`, () => {
    const engine = create();
    const reference = eager();
    afterAll(async () => {
      await engine.dispose();
      await reference.dispose();
    });

    describe("kernels", () => {
      for (const one of [...kernelCases, ...compositeCases].filter(({ kernels }) => only(kernels))) {
        it.skipIf(skip[one.name])(skip[one.name] ? `${one.name} (skipped: ${skip[one.name]})` : one.name, () =>
          testCase(engine, one),
        );
      }
    });
    describe("randomness", () => testRandomness(engine, reference));
    describe("state", () => testState(engine));
    describe("running", () => testRunning(engine));
  });
}

/** Runs of one compiled function. */
type Run = (inputs: Tree<HostTensor>, key?: Int32Array) => Promise<Tree<HostTensor>>;

/** Compiles `f` for the shapes of the inputs and lets `use` run it. */
async function withProgram<T>(
  engine: Engine,
  f: ProgramFunction,
  inputs: Tree<HostTensor>,
  use: (run: Run) => Promise<T>,
): Promise<T> {
  const store = engine.createStore();
  const specs = mapTree(inputs, ({ shape, dtype }) => ({ shape, dtype }));
  const program = await compile(engine, f, { state: {}, inputs: specs }, store);
  try {
    return await use((values, key) => program.run(values, key));
  } finally {
    await program.dispose();
    await store.dispose();
  }
}

function runOn(engine: Engine, f: ProgramFunction, inputs: Tree<HostTensor>, key?: Int32Array) {
  return withProgram(engine, f, inputs, (run) => run(inputs, key));
}

/** Calls the function on tensors of tfjs's cpu backend: no trace, no passes, no engine. */
function directly(f: ProgramFunction, inputs: Tree<HostTensor>): Tree<HostTensor> {
  return onCpu(() => {
    let results: Tree<HostTensor> = {};
    tf.tidy(() => {
      const { outputs } = f({}, mapTree(inputs, toTensor), seedKey(0));
      results = mapTree(outputs as Tree<tf.Tensor>, (t) => ({ ...toHost(t), data: toHost(t).data.slice() }));
    });
    return results;
  });
}

/** Values, gradients against the cpu backend, and gradients against finite differences of the engine's own values. */
async function testCase(engine: Engine, one: KernelCase): Promise<void> {
  const inputs = Object.fromEntries(caseInputs(one).map((value, i) => [`x${i}`, value]));
  const names = Object.keys(inputs);
  const wrt = differentiable(one);
  const f: ProgramFunction = (_state, args: Record<string, tf.Tensor>) => {
    const given = names.map((n) => args[n] as tf.Tensor);
    const y = outputsOf(one, given);
    if (wrt.length === 0) return { outputs: { y } };
    const objective = (...xs: tf.Tensor[]) =>
      weightedSum(
        outputsOf(
          one,
          given.map((t, i) => xs[wrt.indexOf(i)] ?? t),
        ),
      );
    const { value, grads } = tf.valueAndGrads(objective)(wrt.map((i) => given[i] as tf.Tensor));
    return { outputs: { y, value, grads } };
  };
  const tolerance = one.tolerance ?? 1e-4;
  const expected = directly(f, inputs) as Record<string, Tree<HostTensor>>;
  await withProgram(engine, f, inputs, async (run) => {
    const actual = (await run(inputs)) as Record<string, Tree<HostTensor>>;
    expectClose(actual.y as Tree<HostTensor>, expected.y as Tree<HostTensor>, tolerance, "value");
    if (wrt.length === 0) return;
    expectClose(actual.grads as Tree<HostTensor>, expected.grads as Tree<HostTensor>, tolerance * 4, "gradient");
    await checkFiniteDifference(run, inputs, wrt, actual.grads as HostTensor[]);
  });
}

function outputsOf(one: KernelCase, given: tf.Tensor[]): tf.Tensor[] {
  const y = one.build(given);
  return Array.isArray(y) ? y : [y];
}

function differentiable(one: KernelCase): number[] {
  if (Array.isArray(one.differentiable)) return [...one.differentiable];
  return one.differentiable ? one.inputs.flatMap(({ dtype }, i) => (dtype === "float32" ? [i] : [])) : [];
}

/** A scalar in which every element has a weight of its own, so that no gradient cancels. */
function weightedSum(outputs: readonly tf.Tensor[]): tf.Scalar {
  const floats = outputs.filter((t) => t.dtype === "float32");
  const terms = floats.map((t) => tf.sum(tf.mul(t, tf.tensor(weights(t.size), t.shape))));
  return terms.reduce((a, b) => tf.add(a, b)) as tf.Scalar;
}

const weights = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.cos(1.3 * i + 0.4) + 0.2);

async function checkFiniteDifference(
  run: Run,
  inputs: Record<string, HostTensor>,
  wrt: readonly number[],
  grads: readonly HostTensor[],
) {
  const direction = wrt.map((i) => weights((inputs[`x${i}`] as HostTensor).data.length).map((w) => Math.sign(w)));
  const at = async (h: number) => {
    const moved = { ...inputs };
    wrt.forEach((i, j) => {
      const x = inputs[`x${i}`] as HostTensor;
      moved[`x${i}`] = hostTensor(
        Float32Array.from(x.data, (v, k) => v + h * (direction[j]?.[k] as number)),
        x.shape,
      );
    });
    const { value } = (await run(moved)) as { value: HostTensor };
    return value.data[0] as number;
  };
  const h = 2 ** -9;
  const [plus, minus] = [await at(h), await at(-h)];
  const numeric = (plus - minus) / (2 * h);
  const analytic = grads.reduce(
    (sum, g, j) => sum + [...g.data].reduce((s, v, k) => s + v * (direction[j]?.[k] as number), 0),
    0,
  );
  const magnitude = grads.reduce((sum, g) => sum + [...g.data].reduce((s, v) => s + Math.abs(v), 0), 0);
  // float32: the difference of two values loses |value| * 2^-23 / h
  const slack = 0.02 * magnitude + (Math.max(Math.abs(plus), Math.abs(minus), 1) * 2 ** -21) / h;
  expect(Math.abs(numeric - analytic), `finite difference ${numeric} against gradient ${analytic}`).toBeLessThanOrEqual(
    slack,
  );
}

function expectClose(actual: Tree<HostTensor>, expected: Tree<HostTensor>, tolerance: number, what: string): void {
  const found = new Map(flatten<HostTensor>(actual));
  for (const [path, want] of flatten<HostTensor>(expected)) {
    const got = found.get(path) as HostTensor;
    expect({ shape: got.shape, dtype: got.dtype }, `${what} ${path}`).toEqual({ shape: want.shape, dtype: want.dtype });
    const worst = worstElement(got, want, tolerance);
    expect(worst, `${what} ${path}: first element beyond ${tolerance}`).toBeUndefined();
  }
}

function worstElement(got: HostTensor, want: HostTensor, tolerance: number): string | undefined {
  let scale = 0;
  for (const v of want.data) if (Number.isFinite(v)) scale = Math.max(scale, Math.abs(v));
  for (let i = 0; i < want.data.length; i++) {
    const [a, b] = [got.data[i] as number, want.data[i] as number];
    if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    if (want.dtype === "float32" && Math.abs(a - b) <= tolerance * (Math.abs(b) + 0.05 * scale + 0.01)) continue;
    return `[${i}] is ${a}, expected ${b}`;
  }
  return undefined;
}

function testRandomness(engine: Engine, reference: Engine): void {
  const draws: Record<string, (key: Key, step: tf.Tensor) => tf.Tensor> = {
    uniform: (key) => uniform(key, [3, 7]),
    normal: (key) => normal(key, [101]),
    "normal with a derived key": (key) => normal(fold(key, "encoder", 3), [4, 2, 3]),
    "uniform with a key folded from an input": (key, step) => uniform(fold(key, step), [9]),
    "uniform with a key folded from a computed step": (key, step) =>
      uniform(fold(key, tf.add(step, tf.scalar(1, "int32"))), [9]),
    bernoulli: (key) => bernoulli(key, tf.fill([50], 0.3)),
    permutation: (key) => permutation(key, 33),
    "permutation with a computed key": (key, step) => permutation(fold(key, tf.add(step, tf.scalar(2, "int32"))), 33),
    randomInteger: (key) => randomInteger(key, [40], -3, 12),
    categorical: (key) =>
      categorical(
        key,
        tf.tensor2d([
          [0, 1, 2, 3],
          [3, 2, 1, 0],
          [0, 0, 9, 0],
        ]),
      ),
  };
  const inputs = { step: hostTensor([41], [], "int32") };
  it.each(Object.entries(draws))("%s is the same as everywhere", async (_name, draw) => {
    const f: ProgramFunction = (_state, { step }, key) => ({ outputs: { y: draw(key, step) } });
    for (const key of [hostKey(0), hostKey(2 ** 40 + 3, "train", 17)]) {
      expectClose(await runOn(engine, f, inputs, key), await runOn(reference, f, inputs, key), 1e-5, "draw");
    }
  });

  it("draws anew for another key and repeats for the same", async () => {
    const f: ProgramFunction = (_state, _inputs, key) => ({ outputs: { y: normal(key, [8]) } });
    const draw = async (seed: number) => ((await runOn(engine, f, {}, hostKey(seed))) as { y: HostTensor }).y.data;
    expect(await draw(1)).toEqual(await draw(1));
    expect(await draw(1)).not.toEqual(await draw(2));
  });
}

function testState(engine: Engine): void {
  const withStore = async (body: (store: Store) => Promise<void>) => {
    const store = engine.createStore();
    await body(store);
    await store.dispose();
  };

  it("is read, updated and kept between runs", () =>
    withStore(async (store) => {
      await store.write([["w", hostTensor([1, 2], [2])]]);
      const f: ProgramFunction = ({ w }, { x }) => ({ state: { w: tf.add(w, x) }, outputs: { before: w } });
      const program = await compile(engine, f, { state: { w: vector(2) }, inputs: { x: vector(2) } }, store);
      for (let i = 0; i < 5; i++) {
        const { before } = await program.run({ x: hostTensor([1, 10], [2]) });
        expect([...before.data]).toEqual([1 + i, 2 + 10 * i]);
      }
      expect([...((await store.read(["w"])).get("w") as HostTensor).data]).toEqual([6, 52]);
    }));

  it("is shared by programs, created by one and swapped by another", () =>
    withStore(async (store) => {
      const init = await compile(
        engine,
        () => ({ state: { a: tf.ones([3]), b: tf.zeros([3]), same: tf.ones([3]) } }),
        { state: {}, inputs: {} },
        store,
      );
      await init.run();
      expect(new Set(store.specs().keys())).toEqual(new Set(["a", "b", "same"]));
      const spec = { state: { a: vector(3), b: vector(3) }, inputs: {} };
      const swap = await compile(engine, ({ a, b }) => ({ state: { a: b, b: a } }), spec, store);
      const sum = await compile(engine, ({ a, b }) => ({ outputs: { a: tf.sum(a), b: tf.sum(b) } }), spec, store);
      const both = async () => {
        const { a, b } = await sum.run();
        return [a.data[0], b.data[0]];
      };
      expect(await both()).toEqual([3, 0]);
      await swap.run();
      expect(await both()).toEqual([0, 3]);
      await swap.run();
      expect(await both()).toEqual([3, 0]);
      await store.write([["b", hostTensor([5, 5, 5], [3])]]);
      expect(await both()).toEqual([3, 15]);
      await store.delete(["a"]);
      await expect(store.read(["a"])).rejects.toThrow(/"a"/);
    }));

  it("follows a whole training step, as on the reference, and its condition", () =>
    withStore(async (store) => {
      const reference = eager();
      const expected = reference.createStore();
      for (const one of [store, expected]) await one.write(trainingState());
      const trained = await trainOn(engine, store);
      const wanted = await trainOn(reference, expected);
      expect(trained.losses.map((loss) => loss.toFixed(4))).toEqual(wanted.losses.map((loss) => loss.toFixed(4)));
      expectClose(trained.state, wanted.state, 1e-3, "state");
      await reference.dispose();
    }));

  it("stays as it was when its condition is false", () =>
    withStore(async (store) => {
      await store.write([
        ["w", hostTensor([1, 2], [2])],
        ["n", hostTensor([0], [])],
      ]);
      const f: ProgramFunction = ({ w, n }, { x }) => {
        const ok = tf.less(tf.sum(x), 10);
        return { state: { w: tf.where(ok, tf.add(w, x), w), n: tf.add(n, 1) }, outputs: { seen: tf.sum(w) } };
      };
      const program = await compile(engine, f, { state: { w: vector(2), n: scalar }, inputs: { x: vector(2) } }, store);
      await program.run({ x: hostTensor([1, 1], [2]) });
      await program.run({ x: hostTensor([100, Number.NaN], [2]) });
      await program.run({ x: hostTensor([1, 1], [2]) });
      const values = await store.read(["w", "n"]);
      expect([...(values.get("w") as HostTensor).data]).toEqual([3, 4]);
      expect((values.get("n") as HostTensor).data[0]).toBe(3);
    }));

  it("holds every dtype", () =>
    withStore(async (store) => {
      const f: ProgramFunction = () => ({
        state: { f: tf.scalar(1.5), i: tf.scalar(-7, "int32"), b: tf.tensor1d([true, false], "bool") },
      });
      await (await compile(engine, f, { state: {}, inputs: {} }, store)).run();
      const values = await store.read(["f", "i", "b"]);
      expect([...values].map(([path, v]) => [path, v.dtype, ...v.data])).toEqual([
        ["f", "float32", 1.5],
        ["i", "int32", -7],
        ["b", "bool", 1, 0],
      ]);
    }));
}

const HIDDEN = 16;
const TRAINING_SPECS: Readonly<Record<string, readonly number[]>> = { w1: [3, HIDDEN], b1: [HIDDEN], w2: [HIDDEN, 1] };

/** Weights of a small network, Adam's moments and the number of updates, all given. */
function trainingState(): [string, HostTensor][] {
  const tensors = Object.entries(TRAINING_SPECS).flatMap(([name, shape]): [string, HostTensor][] => {
    const n = shape.reduce((a, b) => a * b, 1);
    return [
      [`w.${name}`, hostTensor(weights(n), shape)],
      [`m.${name}`, hostTensor(new Float32Array(n), shape)],
      [`v.${name}`, hostTensor(new Float32Array(n), shape)],
    ];
  });
  return [...tensors, ["count", hostTensor([0], [])]];
}

type Weights = Record<string, tf.Tensor>;

/** One update of a regression, refused on every step whose inputs are not finite. */
const trainingStep: ProgramFunction = (
  { w, m, v, count }: { w: Weights; m: Weights; v: Weights; count: tf.Tensor },
  { x, y },
) => {
  const names = Object.keys(TRAINING_SPECS);
  const loss = (...[w1, b1, w2]: tf.Tensor[]) => {
    const hidden = tf.tanh(tf.add(tf.matMul(x, w1 as tf.Tensor), b1 as tf.Tensor));
    return tf.mean(tf.square(tf.sub(tf.matMul(hidden, w2 as tf.Tensor), y))) as tf.Scalar;
  };
  const { value, grads } = tf.valueAndGrads(loss)(names.map((name) => w[name] as tf.Tensor));
  const ok = tf.isFinite(value);
  const next = tf.add(count, 1);
  const scalars = {
    learningRate: tf.scalar(0.01),
    correction1: tf.sub(1, tf.pow(0.9, next)),
    correction2: tf.sub(1, tf.pow(0.999, next)),
  };
  const updated = names.map((name, i) => {
    const tensors = {
      param: w[name] as tf.Tensor,
      grad: grads[i] as tf.Tensor,
      m: m[name] as tf.Tensor,
      v: v[name] as tf.Tensor,
    };
    return adamUpdate(tensors, scalars, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
  });
  const group = (k: 0 | 1 | 2, old: Weights) =>
    Object.fromEntries(
      names.map((name, i) => [name, tf.where(ok, updated[i]?.[k] as tf.Tensor, old[name] as tf.Tensor)]),
    );
  const state = { w: group(0, w), m: group(1, m), v: group(2, v), count: tf.where(ok, next, count) };
  return { state, outputs: { loss: value } };
};

/** Ten updates, the fourth of which is refused. */
async function trainOn(engine: Engine, store: Store) {
  const specs = () =>
    Object.fromEntries(
      Object.entries(TRAINING_SPECS).map(([name, shape]) => [name, { shape, dtype: "float32" as const }]),
    );
  const state = { w: specs(), m: specs(), v: specs(), count: scalar };
  const x = hostTensor(weights(24), [8, 3]);
  const y = hostTensor(weights(8), [8, 1]);
  const broken = hostTensor(new Float32Array(24).fill(Number.NaN), [8, 3]);
  const inputs = { x: { shape: [8, 3], dtype: "float32" as const }, y: { shape: [8, 1], dtype: "float32" as const } };
  const program = await compile(engine, trainingStep, { state, inputs }, store);
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) losses.push((await program.run({ x: i === 3 ? broken : x, y })).loss.data[0]);
  return { losses, state: Object.fromEntries(await store.read(store.specs().keys())) };
}

function testRunning(engine: Engine): void {
  it("queues runs in order", async () => {
    const store = engine.createStore();
    await store.write([["n", hostTensor([0], [])]]);
    const f: ProgramFunction = ({ n }, { x }) => ({ state: { n: tf.add(tf.mul(n, 10), x) }, outputs: { n } });
    const program = await compile(engine, f, { state: { n: scalar }, inputs: { x: scalar } }, store);
    const runs = [1, 2, 3].map((x) => program.run({ x }));
    expect((await Promise.all(runs)).map(({ n }) => n.data[0])).toEqual([0, 1, 12]);
    await store.dispose();
  });

  it("gives each caller outputs of its own", async () => {
    const f: ProgramFunction = (_state, { x }) => ({ outputs: { y: tf.mul(x, 2) } });
    const store = engine.createStore();
    const program = await compile(engine, f, { state: {}, inputs: { x: vector(2) } }, store);
    const first = await program.run({ x: hostTensor([1, 2], [2]) });
    await program.run({ x: hostTensor([7, 7], [2]) });
    expect([...first.y.data]).toEqual([2, 4]);
  });

  it("names kernel, engine and line for a kernel it does not know", async () => {
    const graph = {
      values: [vector(1), vector(1)],
      constants: new Map(),
      nodes: [{ kernel: "NoSuchKernel", attrs: {}, inputs: { x: 0 }, outputs: [1], site: "model.ts:3:7" }],
      inputs: [{ name: "x", value: 0 }],
      states: [],
      outputs: [{ name: "y", value: 1 }],
    };
    const bad = engine.compile(graph, engine.createStore());
    await expect(bad).rejects.toThrow(UnsupportedKernelError);
    await expect(bad).rejects.toThrow(new RegExp(`${engine.name}.*NoSuchKernel.*model\\.ts:3:7`));
  });

  it("refuses an input of another shape and a missing one", async () => {
    const program = await compile(
      engine,
      (_s, { x }) => ({ outputs: { x: tf.neg(x) } }),
      { state: {}, inputs: { x: vector(2) } },
      engine.createStore(),
    );
    await expect(program.run({ x: hostTensor([1], [1]) })).rejects.toThrow(
      'input "x" is float32[1] but the program was compiled for float32[2]',
    );
    await expect(program.run({})).rejects.toThrow('input "x" (float32[2]) is missing');
  });
}
