/** Core's classifiers, which core's own tests have no quick engine for: what they learn, and the two metrics made of them. */
import {
  type ClassifierRecipe,
  createEvaluator,
  type Dataset,
  type GenerativeModel,
  hostKey,
  hostTensor,
  type LabelledSet,
  modelSpecs,
  normal,
  philoxNormal,
  Session,
  type Split,
  trainAndTest,
  UserError,
} from "@latentkit/core";
import { onnx } from "@latentkit/engine-onnx";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, it } from "vitest";

const engine = onnx({ threads: 1 });
afterAll(() => engine.dispose());

const recipe = (network: ClassifierRecipe["network"], classes = 2): ClassifierRecipe => ({
  network,
  classes,
  passes: 10,
  learningRate: 1e-2,
  seed: 0,
});

/** Four clouds at the corners of a square; a point's class is whether the signs of its coordinates differ. */
function exclusiveOr(name: string, n: number): LabelledSet {
  const noise = philoxNormal(hostKey(0, name), 2 * n);
  const corner = (i: number) => [i & 1 ? 1 : -1, i & 2 ? 1 : -1] as const;
  const x = Array.from({ length: 2 * n }, (_, p) => {
    const i = p >> 1;
    return 3 * (corner(i)[p % 2 === 0 ? 0 : 1] ?? 0) + 0.3 * (noise[p] as number) + 100; // far from zero: it must standardise
  });
  const label = Array.from({ length: n }, (_, i) => (corner(i)[0] === corner(i)[1] ? 1 : 0));
  return { x: hostTensor(x, [n, 2]), label: hostTensor(label, [n], "int32") };
}

/** Pictures whose class is the quarter with the bright spot. */
function spots(n: number): LabelledSet {
  const x = new Float32Array(n * 64);
  const label = Array.from({ length: n }, (_, i) => i % 4);
  for (let i = 0; i < n; i++) {
    const [row, column] = [(i >> 2) & 3, (i >> 4) & 3];
    x[i * 64 + (row + (i & 2 ? 4 : 0)) * 8 + column + (i & 1 ? 4 : 0)] = 1;
  }
  return { x: hostTensor(x, [n, 8, 8, 1]), label: hostTensor(label, [n], "int32") };
}

describe("trainAndTest", () => {
  it("learns exclusive or with hidden layers, which no line can tell", async () => {
    const [train, test] = [exclusiveOr("train", 400), exclusiveOr("test", 200)];
    const small = await trainAndTest(engine, train, test, recipe("small"));
    expect(small.accuracy).toEqual({ value: 1, stderr: 0 });
    const linear = await trainAndTest(engine, train, test, recipe("linear"));
    expect(linear.parameters).toBe(2 * 2 + 2);
    expect(linear.accuracy.value).toBeLessThan(0.8);
  });

  it("learns pictures by convolutions", async () => {
    const { accuracy, parameters } = await trainAndTest(engine, spots(64), spots(64), recipe("small", 4));
    expect(accuracy.value).toBeGreaterThan(0.95);
    expect(parameters).toBe(16 * 26 + 32 * 145 + 64 * 129 + 4 * 65);
  });

  it("finds nothing where labels are drawn at random", async () => {
    const { x } = exclusiveOr("train", 400);
    const random = (name: string) =>
      hostTensor(Array.from(philoxNormal(hostKey(1, name), 400), (z) => (z < 0 ? 0 : 1)), [400], "int32"); // biome-ignore format: one line
    const { accuracy } = await trainAndTest(
      engine,
      { x, label: random("a") },
      { x, label: random("b") },
      recipe("small"),
    );
    expect(Math.abs(accuracy.value - 0.5)).toBeLessThan(0.1);
    expect(accuracy.stderr).toBeCloseTo(0.025, 3);
  });

  it("refuses values that are not finite", async () => {
    const { x, label } = exclusiveOr("train", 8);
    const broken = { x: { ...x, data: Float32Array.from(x.data, (v, i) => (i === 3 ? Number.NaN : v)) }, label };
    await expect(trainAndTest(engine, broken, broken, recipe("linear"))).rejects.toThrow(UserError);
  });
});

/** Points around +1 (label 0) and -1 (label 1) on the first of two axes. */
function cloudSplit(name: string, size: number): Split {
  const noise = philoxNormal(hostKey(3, name), 2 * size);
  const at = (i: number) => [1 - 2 * (i % 2) + 0.2 * (noise[2 * i] as number), noise[2 * i + 1] as number];
  return {
    size,
    fields: { x: { shape: [2], dtype: "float32" }, label: { shape: [], dtype: "int32" } },
    gather(indices) {
      const rows = Array.from(indices);
      const label = hostTensor(
        rows.map((i) => i % 2),
        [rows.length],
        "int32",
      );
      return { x: hostTensor(rows.flatMap(at), [rows.length, 2]), label };
    },
  };
}

const dataset: Dataset = {
  name: "two-clouds",
  title: "two clouds",
  datum: { kind: "continuous", shape: [2], classes: 2 },
  licence: "none",
  source: "drawn from a seed",
  files: {},
  splits: { train: cloudSplit("train", 300), test: cloudSplit("test", 200) },
};

/** Samples like the data, or with the two labels exchanged. */
function clouds({ swapped = false, ...more }: Partial<GenerativeModel> & { swapped?: boolean } = {}): GenerativeModel {
  return {
    datum: dataset.datum,
    conditional: true,
    init: () => ({ params: { spread: tf.scalar(0.2) }, state: {} }),
    objectives: [],
    sampling: () => ({
      steps: 0,
      start({ spread }, _state, key, { n, label }) {
        const sign = tf.sub(1, tf.mul(tf.cast(label as tf.Tensor, "float32"), 2));
        const noise = normal(key, [n, 2]);
        const first = tf.add(
          swapped ? tf.neg(sign) : sign,
          tf.mul(tf.reshape(tf.slice(noise, [0, 0], [n, 1]), [n]), spread),
        );
        return tf.stack([first, tf.reshape(tf.slice(noise, [0, 1], [n, 1]), [n])], 1);
      },
      finish: (_params, _state, x) => x,
    }),
    ...more,
  };
}

async function measure(model: GenerativeModel, metric: string) {
  const store = engine.createStore();
  await store.write([["params.spread", hostTensor([0.2], [])]]);
  const session = new Session(model, engine, store, modelSpecs(model, dataset.splits.train, 2), "params");
  const results = await createEvaluator({}).evaluate({ session, dataset, split: dataset.splits.test, seed: 1 }, [
    metric,
  ]);
  return results[metric];
}

describe("cas", () => {
  it("is that of real data for a model that is right, and none for one that exchanges the labels", async () => {
    const right = await measure(clouds(), "cas");
    expect(right).toMatchObject({ value: 1, n: 200, unit: "share", realVsReal: { value: 1 } });
    expect(right?.note).toMatch(/^a classifier of [\d,]+ parameters, trained on 200 samples/);
    expect(await measure(clouds({ swapped: true }), "cas")).toMatchObject({ value: 0, realVsReal: { value: 1 } });
  });
});

describe("linearProbe", () => {
  const probe = (features: NonNullable<GenerativeModel["features"]>) => measure(clouds({ features }), "linearProbe");

  it("reads classes that lie open in the features, beside the values themselves", async () => {
    const open = await probe((_params, _state, { x }) => tf.mul(x, 7));
    expect(open).toMatchObject({ value: 1, n: 200, unit: "share" });
    expect(open?.note).toBe("2 features, learned from 300 examples; on the 2 values themselves 1.000 ± 0.000");
    const blind = await probe((_params, _state, { x }) => tf.slice(x, [0, 1], [-1, 1])); // only noise
    expect(Math.abs((blind?.value ?? 0) - 0.5)).toBeLessThan(0.15);
  });
});
