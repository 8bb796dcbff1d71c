import {
  type Batch,
  type DatumSpec,
  type GenerativeModel,
  hostTensor,
  type MetricResult,
  mapTree,
  type TensorTree,
} from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { initial, key, mean, model, noise, numbers, parts, shaken } from "../test/support.js";
import { mixtureBase } from "./bases/mixture.js";
import { type FlowParams, sampleAndLogProb } from "./model.js";

const points: DatumSpec = { kind: "continuous", shape: [2] };

/** With parameters of zero every flow is the identity. */
const zeros = (params: FlowParams): FlowParams =>
  mapTree(params as unknown as TensorTree, (tensor) => tf.zerosLike(tensor)) as unknown as FlowParams;

/** Standard normal distribution function, by its series. */
function cdf(x: number): number {
  let term = x;
  let sum = x;
  for (let k = 1; k < 60; k++) {
    term *= (x * x) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}

/** Runs a measurement that is a scan, on the eager backend. */
function runScan(flow: GenerativeModel, name: string, params: FlowParams, batch: Batch): number[] {
  const scan = flow.scanMetrics?.[name]?.scan;
  if (scan === undefined) throw new Error(`no scan ${name}`);
  let carry = scan.start(params, {}, batch, key(1));
  for (let i = 0; i < scan.steps; i++) carry = scan.step(params, {}, carry, tf.scalar(i, "int32"), key(2 + i));
  return numbers(scan.finish(params, {}, carry));
}

describe("dequantisation", () => {
  const datum: DatumSpec = { kind: "continuous", shape: [2], range: [0, 3], levels: 4 };
  const x = tf.tensor2d([
    [0, 3],
    [1, 1],
    [2, 0],
  ]);
  /** Levels become [k / 4, (k + 1) / 4); under a standard normal their probability is a difference of distribution functions. */
  const exact = [...Array(3).keys()].map((row) =>
    [0, 1].reduce((sum, d) => {
      const k = (x.arraySync() as number[][])[row]?.[d] as number;
      return sum + Math.log(cdf((k + 1) / 4) - cdf(k / 4));
    }, 0),
  );

  it.each(["uniform", "variational"] as const)(
    "%s: the bound lies below log P, and importance weights close the gap",
    (dequantization) => {
      const options = { model: "maf", layers: 1, width: 4, depth: 1, logit: 0, dequantization, evaluationSamples: 400 };
      const flow = model(options, datum);
      const params = zeros(initial(options, datum, { x }));
      const bounds = [...Array(60).keys()].map((seed) =>
        numbers(flow.elbo?.(params, {}, { x }, key(seed)) as tf.Tensor),
      );
      const nll = runScan(flow, "nll", params, { x });
      exact.forEach((logP, row) => {
        const average = mean(bounds.map((bound) => bound[row] as number));
        expect(average).toBeLessThan(logP + 0.05);
        expect(average).toBeGreaterThan(logP - 1); // both kinds of noise cost less than a nat here
        expect(Math.abs((nll[row] as number) + logP)).toBeLessThan(dequantization === "uniform" ? 0.01 : 0.2);
      });
      const bits = runScan(flow, "importanceBitsPerDim", params, { x });
      nll.forEach((value, row) => {
        expect(bits[row]).toBeCloseTo(value / (2 * Math.LN2), 4);
      });
    },
  );

  it("gives back the levels, and nothing outside them", () => {
    for (const dequantization of ["uniform", "variational"] as const) {
      const flow = parts({ model: "maf", layers: 1, width: 4, dequantization }, datum);
      const params = flow.dequantization.init?.(key(0), x) ?? {};
      for (const noiseKey of [undefined, key(5)]) {
        const { x: continuous } = flow.dequantization.toContinuous(params, x, noiseKey);
        expect(numbers(flow.dequantization.toData(continuous))).toEqual(numbers(x));
      }
      expect(numbers(flow.dequantization.toData(tf.tensor1d([-3, 0, 1, 7])))).toEqual([0, 0, 3, 3]);
    }
  });

  it("counts two levels of binary data", () => {
    const flow = model(
      { model: "maf", layers: 1, width: 4, logit: 0, evaluationSamples: 400 },
      { kind: "binary", shape: [2] },
    );
    const batch = { x: tf.tensor2d([[0, 1]]) };
    const params = zeros(flow.init(key(0), batch).params);
    expect(runScan(flow, "nll", params, batch)[0]).toBeCloseTo(
      -Math.log(cdf(0.5) - cdf(0)) - Math.log(cdf(1) - cdf(0.5)),
      1,
    );
  });
});

describe("continuous data", () => {
  it("has the density of its own units, whatever the range", () => {
    const x = tf.tensor2d([
      [1, 3],
      [-1.5, 0],
    ]);
    const options = { model: "realnvp", layers: 2, width: 4, logit: 0 };
    const [free, bounded] = [points, { ...points, range: [-2, 6] } as const].map((datum) => {
      const flow = model(options, datum);
      return numbers(flow.logProb?.(zeros(initial(options, datum, { x })), {}, { x }) as tf.Tensor);
    }) as [number[], number[]];
    const normalAt = (z: number) => -0.5 * (z * z + Math.log(2 * Math.PI));
    expect(free[0]).toBeCloseTo(normalAt(1) + normalAt(3), 4);
    // scaled to [0, 1]: (1 + 2) / 8 and (3 + 2) / 8, and the density by 8 in each direction
    expect(bounded[0]).toBeCloseTo(normalAt(3 / 8) + normalAt(5 / 8) - 2 * Math.log(8), 4);
  });

  it("is zero outside the range", () => {
    const datum: DatumSpec = { ...points, range: [-2, 6] };
    const options = { model: "realnvp", layers: 1, width: 4 };
    const inside = { x: tf.tensor2d([[-2, 6]]) };
    const params = initial(options, datum, {
      x: tf.tensor2d([
        [0, 3],
        [1, 2],
      ]),
    });
    const at = (batch: Batch) => numbers(model(options, datum).logProb?.(params, {}, batch) as tf.Tensor)[0];
    expect(Number.isFinite(at(inside))).toBe(true);
    expect(at({ x: tf.tensor2d([[-2.01, 6]]) })).toBe(Number.NEGATIVE_INFINITY);
    expect(at({ x: tf.tensor2d([[0, 1e6]]) })).toBe(Number.NEGATIVE_INFINITY);
  });

  it("integrates to one, trained or not", () => {
    const side = 161;
    const step = 12 / (side - 1);
    const grid = tf.tensor2d(
      Array.from({ length: side * side }, (_, i) => [-6 + step * (i % side), -6 + step * Math.floor(i / side)]),
    );
    for (const options of [
      { model: "nsf", layers: 2, width: 8, depth: 1 },
      { model: "maf", layers: 2, width: 8, depth: 1, base: "mixture", components: 3 },
    ]) {
      const params = shaken(initial(options, points, { x: noise(1, [64, 2]) }), 0.1);
      const logProb = model(options, points).logProb?.(params, {}, { x: grid }) as tf.Tensor;
      expect(numbers(logProb).reduce((sum, value) => sum + Math.exp(value), 0) * step * step).toBeCloseTo(1, 1);
    }
  });

  it("samples with log-likelihoods that are those of the samples", () => {
    for (const datum of [points, { ...points, range: [-2, 3] } as const]) {
      const options = { model: "nsf", layers: 2, width: 8, depth: 1 };
      const params = shaken(initial(options, datum, { x: noise(1, [32, 2], 0.5) }), 0.05);
      const { x, logProb } = sampleAndLogProb(parts(options, datum), params, key(3), 16);
      const again = numbers(model(options, datum).logProb?.(params, {}, { x }) as tf.Tensor);
      numbers(logProb).forEach((value, i) => {
        expect(value).toBeCloseTo(again[i] as number, 2);
      });
    }
  });

  it("scales noise by the temperature", () => {
    const options = { model: "realnvp", layers: 2, width: 4 };
    const params = zeros(initial(options, points, { x: noise(1, [32, 2]) }));
    const spread = (temperature: number) => {
      const sampling = model(options, points).sampling({ n: 2000, options: { temperature } });
      const x = sampling.finish(params, {}, sampling.start(params, {}, key(2), { n: 2000, options: {} }));
      return Math.sqrt(mean(numbers(x).map((v) => v * v)));
    };
    expect(spread(1)).toBeCloseTo(1, 1);
    expect(spread(0.5)).toBeCloseTo(0.5, 1);
    expect(spread(0)).toBe(0);
  });
});

describe("conditional on vectors", () => {
  const options = { model: "nsf", layers: 1, width: 8, depth: 1, conditional: "context" };
  const context = noise(4, [8, 3]);
  const x = noise(5, [8, 2]);
  const flow = model(options, points);
  const params = shaken(flow.init(key(0), { x, context }).params, 0.2);

  it("gives other densities for other vectors, and samples by the vector", () => {
    const at = (given: tf.Tensor) => numbers(flow.logProb?.(params, {}, { x, context: given }) as tf.Tensor);
    expect(at(context)).not.toEqual(at(tf.add(context, 1)));
    const draw = (vector: number[]) => {
      const sampling = flow.sampling({ n: 4, options: { context: vector } });
      return numbers(sampling.finish(params, {}, sampling.start(params, {}, key(2), { n: 4, options: {} })));
    };
    expect(draw([0, 0, 0])).not.toEqual(draw([2, 0, 0]));
    expect(draw([0, 0, 0])).toEqual(draw([0, 0, 0]));
  });

  it("says what is missing", () => {
    expect(() => flow.logProb?.(params, {}, { x })).toThrow(/needs a field "context".*got none/);
    const sampling = flow.sampling({ n: 4, options: {} });
    expect(() => sampling.start(params, {}, key(2), { n: 4, options: {} })).toThrow(/context must be given/);
  });
});

describe("inversion error", () => {
  const report = (rows: number[][], datum: DatumSpec = points) => {
    const flow = model({ model: "realnvp" }, datum);
    const data = hostTensor(Float32Array.from(rows.flat()), [rows.length, 2]);
    const inversionError = { ...flow.metrics?.inversionError?.aggregate?.(data), unit: "units" } as MetricResult;
    return { inversionError, warnings: flow.diagnose?.({ inversionError }) };
  };

  it("names the largest error and its place", () => {
    const { inversionError, warnings } = report([
      [1e-6, 0],
      [3e-5, 1],
    ]);
    expect(inversionError).toMatchObject({ stderr: 0, n: 2, note: "at example 1, dimension 1" });
    expect(inversionError.value).toBeCloseTo(3e-5, 8);
    expect(warnings).toEqual([]);
  });

  it("is relative for large values", () => {
    const flow = model({ model: "realnvp", layers: 1, width: 4 }, points);
    const x = tf.tensor2d([[1000.1234, -3e5]]);
    const params = shaken(initial({ model: "realnvp", layers: 1, width: 4 }, points, { x: noise(1, [32, 2]) }), 0.01);
    const [error] = numbers(flow.metrics?.inversionError?.perExample(params, {}, { x }, key(1)) as tf.Tensor);
    expect(error).toBeLessThan(1e-5);
  });

  it("warns when float32 is not enough, and when the inverse is no number", () => {
    expect(report([[0.02, 1]]).warnings?.[0]).toMatch(/float32 is not enough.*0.020 at example 0, dimension 1/);
    expect(
      report([
        [1e-6, 0],
        [Number.NaN, 1],
      ]).inversionError.value,
    ).toBe(Number.POSITIVE_INFINITY);
    const image: DatumSpec = { kind: "continuous", shape: [4, 4, 1] };
    expect(report([[0.5, 6]], image).warnings?.[0]).toContain("value [1, 2, 0]");
  });

  it("is measured along every evaluation", () => {
    expect(model({ model: "nsf" }, points).metrics?.inversionError?.everyEvaluation).toBe(true);
    expect(model({ model: "maf" }, points).scanMetrics?.inversionError?.everyEvaluation).toBe(true);
  });
});

describe("mixture base", () => {
  it("has the density and the moments of its components", () => {
    const base = mixtureBase(2);
    const params = {
      logits: tf.tensor1d([Math.log(0.25), Math.log(0.75)]),
      means: tf.tensor2d([[-2], [2]]),
      logSigmas: tf.tensor2d([[0], [Math.log(0.5)]]),
    };
    const density = (z: number) =>
      (0.25 * Math.exp(-0.5 * (z + 2) ** 2)) / Math.sqrt(2 * Math.PI) +
      (0.75 * Math.exp(-0.5 * ((z - 2) / 0.5) ** 2)) / (0.5 * Math.sqrt(2 * Math.PI));
    const logProb = numbers(base.logProb(params, tf.tensor2d([[0.3], [-1], [2]])));
    [0.3, -1, 2].forEach((z, i) => {
      expect(logProb[i]).toBeCloseTo(Math.log(density(z)), 4);
    });
    const draws = numbers(base.sample(params, key(1), [20_000, 1], 1));
    expect(mean(draws)).toBeCloseTo(1, 1);
    expect(mean(draws.map((z) => (z - 1) ** 2))).toBeCloseTo(0.25 * 1 + 0.75 * 0.25 + 3, 0);
  });
});
