import { eager, type HostTensor, hostKey, hostTensor, type Key, normal, philoxNormal, UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { Dataset, Split } from "../data.js";
import type { MetricResult } from "../metric-result.js";
import type { GenerativeModel } from "../model.js";
import { modelSpecs } from "../model-specs.js";
import { Session } from "../session.js";
import { createEvaluator } from "./create-evaluator.js";
import { type FeatureExtractor, tracedExtractor } from "./extractor.js";
import { featureMetricName, valueMetrics } from "./sample-metrics.js";

const WIDTH = 3;

/** Points around +1 (label 0) and -1 (label 1) on the first axis, spread 0.25 on all. */
function split(name: string, size: number): Split {
  const noise = philoxNormal(hostKey(3, name), size * WIDTH);
  const labels = philoxNormal(hostKey(4, name), size);
  const label = (i: number) => ((labels[i] as number) < 0 ? 0 : 1);
  const value = (i: number, j: number) => 0.25 * (noise[i * WIDTH + j] as number) + (j === 0 ? 1 - 2 * label(i) : 0);
  return {
    size,
    fields: { x: { shape: [WIDTH], dtype: "float32" }, label: { shape: [], dtype: "int32" } },
    gather(indices) {
      const rows = Array.from(indices);
      const x = rows.flatMap((i) => [0, 1, 2].map((j) => value(i, j)));
      return { x: hostTensor(x, [rows.length, WIDTH]), label: hostTensor(rows.map(label), [rows.length], "int32") };
    },
  };
}

const dataset: Dataset = {
  name: "two-clusters",
  title: "two clusters",
  datum: { kind: "continuous", shape: [WIDTH], classes: 2 },
  licence: "none",
  source: "drawn from a seed",
  files: {},
  splits: { train: split("train", 700), test: split("test", 600) },
};

/** Tells the clusters apart by the sign of the first value; its features are the values, scaled by a weight of 2. */
function extractor(name = "sign-rule", opened: string[] = []): FeatureExtractor {
  const made = tracedExtractor(
    {
      name,
      summary: "sign of the first value",
      trainedOn: "nothing",
      testAccuracy: 1,
      classes: 2,
      grades: "two-clusters (3)",
      fits: (data) => data.name === "two-clusters",
    },
    {
      weights: async () => new Map([["layer.scale", hostTensor([2], [])]]),
      apply(params, x) {
        const { layer } = params as unknown as { layer: { scale: tf.Tensor } };
        const plus = tf.sigmoid(tf.mul(tf.slice(x, [0, 0], [-1, 1]), 10));
        return { features: tf.mul(x, layer.scale), probabilities: tf.concat([plus, tf.sub(1, plus)], 1) };
      },
    },
  );
  return {
    ...made,
    open: (engine) => {
      opened.push(name);
      return made.open(engine);
    },
  };
}

/** Draws like the data, moved by `shift` along the second axis; conditional or all from one cluster. */
function clusters({ shift = 0, collapsed = false, conditional = false } = {}): GenerativeModel {
  return {
    datum: dataset.datum,
    conditional,
    init: () => ({ params: { spread: tf.scalar(0.25) }, state: {} }),
    objectives: [],
    sampling: () => ({
      steps: 0,
      start({ spread }, _state, key: Key, { n, label }) {
        const drawn = label ?? tf.cast(tf.greater(normal(key, [n]), 0), "int32");
        const sign = collapsed ? tf.ones([n]) : tf.sub(1, tf.mul(tf.cast(drawn, "float32"), 2));
        const centre = tf.stack([sign, tf.fill([n], shift), tf.zeros([n])], 1);
        return tf.add(centre, tf.mul(normal(key, [n, WIDTH]), spread));
      },
      finish: (_params, _state, x) => x,
    }),
  };
}

async function contextOf(model: GenerativeModel, limit?: number) {
  const engine = eager();
  const store = engine.createStore();
  await store.write([["params.spread", hostTensor([0.25], [])]]);
  const session = new Session(model, engine, store, modelSpecs(model, dataset.splits.train, 2), "params");
  return { session, dataset, split: dataset.splits.test, seed: 1, ...(limit === undefined ? {} : { limit }) };
}

const evaluate = async (model: GenerativeModel, names: string[], options: { limit?: number; opened?: string[] } = {}) =>
  createEvaluator({ extractors: [extractor("sign-rule", options.opened)] }).evaluate(
    await contextOf(model, options.limit),
    names,
  );

describe("featureMetrics", () => {
  it("measure a model that is right like real data: nothing is told apart", async () => {
    const opened: string[] = [];
    const results = await evaluate(clusters(), ["samples"], { opened });
    expect(opened).toEqual(["sign-rule"]); // samples are drawn and graded once
    expect(Object.keys(results)).toEqual([
      "copying",
      ..."energyDistance precision recall density coverage".split(" "),
      ..."fid kid precision recall density coverage confidence modes rarest commonest classKl"
        .split(" ")
        .map((word) => `${word}SignRule`),
    ]);
    for (const [name, { value, stderr, n, realVsReal, note }] of Object.entries(results)) {
      expect(n, name).toBe(600);
      if (realVsReal === undefined) continue;
      const space = name.endsWith("SignRule") ? "sign-rule, not Inception" : "of the values themselves";
      expect(note).toBe(`${space}, the data have 600 examples for a set`);
      const error = Math.hypot(stderr || 0, realVsReal.stderr || 0);
      expect(Math.abs(value - realVsReal.value), name).toBeLessThanOrEqual(5 * error + 0.05);
    }
    expect(results.modesSignRule).toMatchObject({ value: 2, unit: "classes", realVsReal: { value: 2 } });
    expect(Math.abs((results.copying?.value ?? 0) - 0.5)).toBeLessThan(0.1);
  });

  it("draw samples once for all that is measured together, also what copies are looked for in", async () => {
    const model = clusters();
    let calls = 0;
    const counted = { ...model, sampling: () => ({ ...model.sampling({ n: 1, options: {} }), counts: calls++ }) };
    await evaluate(counted as GenerativeModel, ["fidSignRule", "copying", "energyDistance"], { limit: 100 });
    expect(calls).toBe(1);
  });

  it("see a shift: the distance is its square, times the features' scale", async () => {
    const { fidSignRule, kidSignRule } = await evaluate(clusters({ shift: 1 }), ["fidSignRule", "kidSignRule"]);
    expect(Math.abs((fidSignRule?.value ?? 0) - 4)).toBeLessThan(0.3);
    expect(fidSignRule?.realVsReal?.value).toBeLessThan(0.05);
    expect(kidSignRule?.value).toBeGreaterThan(20 * (kidSignRule?.stderr ?? 0));
  });

  it("see a collapse: one class, half of the data not covered", async () => {
    const names = ["modes", "rarest", "classKl", "recall", "precision"].map((word) => `${word}SignRule`);
    const results = await evaluate(clusters({ collapsed: true }), names);
    expect(results.modesSignRule?.value).toBe(1);
    expect(results.rarestSignRule?.value).toBe(0);
    expect(results.classKlSignRule?.value).toBeCloseTo(Math.LN2, 1);
    expect(results.recallSignRule?.value).toBeLessThan(0.55);
    expect(results.precisionSignRule?.value).toBeGreaterThan(0.8);
  });

  it("ask a conditional model for labels that are independent of the reference's: the distance of a right one is zero", async () => {
    const { kidSignRule } = await evaluate(clusters({ conditional: true }), ["kidSignRule"]);
    expect(Math.abs(kidSignRule?.value ?? 1)).toBeLessThan(4 * (kidSignRule?.stderr ?? 0));
  });

  it("ask a conditional model for labels and check what comes", async () => {
    const { labelAgreementSignRule: right } = await evaluate(clusters({ conditional: true }), [
      "labelAgreementSignRule",
    ]);
    expect(right?.value).toBeGreaterThan(0.99);
    expect(right?.realVsReal?.value).toBeGreaterThan(0.99);
    const { labelAgreementSignRule: deaf } = await evaluate(clusters({ conditional: true, collapsed: true }), [
      "labelAgreementSignRule",
    ]);
    expect(deaf?.value).toBeCloseTo(0.5, 1);
    await expect(evaluate(clusters(), ["labelAgreementSignRule"])).rejects.toThrow(
      "labelAgreementSignRule does not apply: the model does not take labels when it samples",
    );
  });

  it("take as many samples as are asked for, and refuse too few", async () => {
    const { fidSignRule } = await evaluate(clusters(), ["fidSignRule"], { limit: 50 });
    expect(fidSignRule).toMatchObject({ n: 50, note: "sign-rule, not Inception, limited to 50" });
    const published = { ...extractor(), samples: 20 }; // the number that is usual for its data
    const { n, note } = (
      await createEvaluator({ extractors: [published] }).evaluate(await contextOf(clusters()), ["fidSignRule"])
    ).fidSignRule as MetricResult;
    expect([n, note]).toEqual([20, "sign-rule, not Inception"]);
    await expect(evaluate(clusters(), ["fidSignRule"], { limit: 3 })).rejects.toThrow("at least 4 samples, got 3");
  });

  it("refuse samples of a model that diverged, and say how many: a classifier would name those, too", async () => {
    const context = await contextOf(clusters({ conditional: true }), 60);
    const sample = async (request: { n: number }) => {
      const { data, ...x } = await context.session.sample(request);
      return { ...x, data: Float32Array.from(data, (value, i) => (i === 7 || i === 100 ? Number.NaN : value)) };
    };
    const session = Object.assign(Object.create(context.session), { sample });
    for (const name of ["confidenceSignRule", "energyDistance", "copying", "cas"]) {
      const measured = createEvaluator({ extractors: [extractor()] }).evaluate({ ...context, session }, [name]);
      await expect(measured, name).rejects.toThrow(
        "samples hold values that are not finite, 2 of 60; the model diverged, use an earlier checkpoint",
      );
    }
  });

  it("apply to the extractor's data only", async () => {
    const other = { ...(await contextOf(clusters())), dataset: { ...dataset, name: "three-clusters" } };
    await expect(createEvaluator({ extractors: [extractor()] }).evaluate(other, ["fidSignRule"])).rejects.toThrow(
      "sign-rule grades two-clusters (3), not three-clusters (continuous, 3); register a FeatureExtractor for it",
    );
    await expect(createEvaluator({}).evaluate(other, ["fidSignRule"])).rejects.toThrow(/unknown metric .*samples$/);
  });

  it("carry the extractor's name, which must be its own", () => {
    expect(featureMetricName("fid", "fashion-mnist-cnn")).toBe("fidFashionMnistCnn");
    expect(() => createEvaluator({ extractors: [extractor(), extractor()] })).toThrow(UserError);
  });
});

describe("modes", () => {
  it("are named by a classifier that fits, else by the nearest example, and the note says which", async () => {
    const { modes: named } = await evaluate(clusters(), ["modes"]);
    expect(named).toMatchObject({
      value: 2,
      n: 600,
      unit: "of 2",
      note: "classes by sign-rule",
      realVsReal: { value: 2 },
    });
    const { modes: near } = await createEvaluator({}).evaluate(await contextOf(clusters(), 100), ["modes"]);
    expect(near).toMatchObject({ value: 2, n: 100, note: "classes by the nearest of 600 examples" });
    for (const extractors of [[extractor()], []]) {
      const context = await contextOf(clusters({ collapsed: true }), 100);
      const { modes } = await createEvaluator({ extractors }).evaluate(context, ["modes"]);
      expect(modes).toMatchObject({ value: 1, realVsReal: { value: 2 } });
    }
  });

  it("come with every evaluation of a model that watches them, on as many samples as it says during training", async () => {
    const watching = { ...clusters(), watches: { modes: 40 } };
    const evaluator = createEvaluator({ extractors: [extractor()] });
    const context = await contextOf(watching);
    expect((await evaluator.monitor(context)).modes).toMatchObject({ n: 40 });
    expect((await evaluator.evaluate(context)).modes).toMatchObject({ n: 600 });
    expect(await evaluator.monitor(await contextOf(clusters()))).toEqual({});
    expect(evaluator.choose(clusters(), dataset).map(({ name }) => name)).not.toContain("modes");
  });
});

describe("valueMetrics", () => {
  it("see a shift and a collapse without any extractor", async () => {
    const shifted = await evaluate(clusters({ shift: 2 }), ["energyDistance", "precision"]);
    expect(shifted.energyDistance?.value).toBeGreaterThan(20 * (shifted.energyDistance?.stderr ?? 0));
    expect(shifted.precision?.value).toBeLessThan(0.05); // eight standard deviations off
    const collapsed = await evaluate(clusters({ collapsed: true }), ["coverage", "recall"]);
    expect(collapsed.coverage?.value).toBeLessThan(0.55);
    expect(collapsed.recall?.value).toBeLessThan(0.55);
  });

  it("leave pictures and tokens to others", () => {
    const refusal = (datum: Partial<Dataset["datum"]>) =>
      valueMetrics[0]?.refusal(clusters(), { name: "x", datum: { kind: "continuous", shape: [2], ...datum } });
    expect(refusal({})).toBeUndefined();
    expect(refusal({ shape: [28, 28, 1] })).toMatch(/register a FeatureExtractor/);
    expect(refusal({ kind: "tokens" })).toMatch(/continuous or binary/);
    expect(refusal({ shape: [5000] })).toMatch(/up to 4096/);
  });
});

describe("cas", () => {
  it("does not apply without labels, or to a model that takes none; nor with less than two samples a class", async () => {
    const score = evaluate(clusters(), ["cas"]);
    await expect(score).rejects.toThrow("cas does not apply: the model does not take labels when it samples");
    const { classes: _, ...datum } = dataset.datum;
    const unlabelled = { ...(await contextOf(clusters({ conditional: true }))), dataset: { ...dataset, datum } };
    await expect(createEvaluator({}).evaluate(unlabelled, ["cas"])).rejects.toThrow("the data have no labels");
    const few = evaluate(clusters({ conditional: true }), ["cas"], { limit: 1 });
    await expect(few).rejects.toThrow("at least 4 samples, 2 a class, got 1");
  });
});

describe("linearProbe", () => {
  it("needs features", async () => {
    const probe = evaluate(clusters(), ["linearProbe"]);
    await expect(probe).rejects.toThrow("linearProbe does not apply: the model gives no features");
  });
});

describe("copying", () => {
  it("finds a model that gives its training data back", async () => {
    const { train } = dataset.splits;
    const rows = train.gather(Int32Array.from({ length: 600 }, (_, i) => i)).x as HostTensor;
    const context = await contextOf(clusters());
    const parrot = Object.assign(Object.create(context.session), { sample: async () => rows, engine: eager() });
    const { copying } = await createEvaluator({}).evaluate({ ...context, session: parrot }, ["copying"]);
    expect(copying).toMatchObject({ value: 1, n: 600, unit: "probability" });
    expect(copying?.note).toBe("distances of values to 700 training examples, 600 exact copies");
  });
});
