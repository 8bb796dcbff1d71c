import { type DatumSpec, flatten, mapTree } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { image, initial, key, loss, mean, model, number, numbers, points, standardError } from "../test/support.js";
import type { VaeParams } from "./model.js";

/**
 * A linear decoder `x = W z + b + sigma eps` is probabilistic PCA (Tipping & Bishop, 1999): `p(x) = N(b, C)` with `C = W W' + sigma^2 I`.
 * The columns of W are orthogonal here, so the exact posterior `N(M^-1 W' (x - b), sigma^2 M^-1)`, `M = W' W + sigma^2 I`, is diagonal
 * and a linear encoder can be it.
 */
describe("linear-Gaussian VAE", () => {
  const sigma = 0.5;
  const W = [
    [1, 1],
    [2, -1],
    [0.5, 2],
  ]; // 3x2, columns orthogonal: 1 - 2 + 1 = 0
  const b = [0.3, -0.2, 0.1];
  const x = [1.2, 0.4, -1.5];
  const columns = [0, 1].map((j) => W.map((row) => row[j] as number));
  const gram = columns.map((column) => column.reduce((s, w) => s + w * w, 0)); // diagonal of W'W
  const datum: DatumSpec = { kind: "continuous", shape: [3] };
  const options = { latentDim: 2, hidden: [], likelihood: "gaussian", scale: sigma } as const;

  /** `log N(x; b, C)`; C has eigenvectors along the columns (eigenvalue gram + sigma^2) and one orthogonal to them (sigma^2). */
  function exactLogProb(): number {
    const centred = x.map((v, i) => v - (b[i] as number));
    const total = centred.reduce((s, v) => s + v * v, 0);
    let quadratic = total / sigma ** 2;
    let logDet = Math.log(sigma ** 2);
    columns.forEach((column, j) => {
      const along = column.reduce((s, w, i) => s + w * (centred[i] as number), 0) ** 2 / (gram[j] as number);
      quadratic += along / ((gram[j] as number) + sigma ** 2) - along / sigma ** 2;
      logDet += Math.log((gram[j] as number) + sigma ** 2);
    });
    return -0.5 * (quadratic + logDet + 3 * Math.log(2 * Math.PI));
  }

  /** The model with its exact posterior, its mean moved by `shift` posterior standard deviations and its variance times `e^widen`. */
  function parameters(shift = 0, widen = 0): VaeParams {
    const precision = gram.map((g) => g + sigma ** 2); // M
    const kernel = W.map((row) => [...row.map((w, j) => w / (precision[j] as number)), 0, 0]);
    const logVar = precision.map((m) => Math.log(sigma ** 2 / m));
    const mean = columns.map(
      (column, j) =>
        -column.reduce((s, w, i) => s + w * (b[i] as number), 0) / (precision[j] as number) +
        shift * Math.exp((logVar[j] as number) / 2),
    );
    return {
      encoder: {
        dense: {
          layer0: { kernel: tf.tensor2d(kernel), bias: tf.tensor1d([...mean, ...logVar.map((v) => v + widen)]) },
        },
      },
      decoder: { dense: { layer0: { kernel: tf.transpose(tf.tensor2d(W)), bias: tf.tensor1d(b) } } },
    };
  }

  const copies = (n: number) => ({ x: tf.tile(tf.tensor2d([x]), [n, 1]) });
  const elbos = (params: VaeParams, n: number) =>
    numbers(model(options, datum).elbo?.(params, {}, copies(n), key(7)) as tf.Tensor);

  it("has log p(x) as its bound when q is the exact posterior", () => {
    const values = elbos(parameters(), 20000);
    expect(Math.abs(mean(values) - exactLogProb())).toBeLessThan(4 * standardError(values));
  });

  it("lies below log p(x) by KL(q || posterior) otherwise", () => {
    const values = elbos(parameters(0.8, 0.5), 20000);
    const gap = 2 * 0.5 * (0.8 ** 2 + Math.exp(0.5) - 0.5 - 1); // two dimensions
    expect(gap).toBeGreaterThan(0.5);
    expect(Math.abs(mean(values) - (exactLogProb() - gap))).toBeLessThan(4 * standardError(values));
  });

  it.each([1, 7])("has importance weights all equal to p(x) at the exact posterior: %i draws", (evaluationSamples) => {
    const vae = model({ ...options, evaluationSamples }, datum);
    const nll = numbers(vae.metrics?.nll?.perExample(parameters(), {}, copies(5), key(3)) as tf.Tensor);
    for (const value of nll) expect(value).toBeCloseTo(-exactLogProb(), 4);
  });

  it("tightens with more draws and never passes log p(x)", () => {
    const n = 4000;
    const bounds = [1, 5, 50].map((importanceSamples) => {
      const vae = model({ ...options, objective: "iwae", importanceSamples }, datum);
      return -number(loss(vae, parameters(1, -0.3), copies(n)).loss);
    });
    expect(bounds[1] as number).toBeGreaterThan((bounds[0] as number) + 0.1);
    expect(bounds[2] as number).toBeGreaterThan(bounds[1] as number);
    expect(bounds[2] as number).toBeLessThan(exactLogProb() + 0.02);
    expect(bounds[2] as number).toBeGreaterThan(exactLogProb() - 0.3);
  });

  it("gives the same importance-weighted likelihood in chunks as at once", () => {
    const wide = 2 ** 21; // two draws a chunk
    const many: DatumSpec = { kind: "continuous", shape: [wide] };
    const nll = (evaluationSamples: number) => {
      const vae = model({ latentDim: 1, hidden: [], scale: 1e3, evaluationSamples }, many);
      const params: VaeParams = {
        encoder: { dense: { layer0: { kernel: tf.zeros([wide, 2]), bias: tf.tensor1d([0, 0]) } } },
        decoder: { dense: { layer0: { kernel: tf.zeros([1, wide]), bias: tf.zeros([wide]) } } },
      };
      return number(vae.metrics?.nll?.perExample(params, {}, { x: tf.zeros([1, wide]) }, key(3)) as tf.Tensor);
    };
    const exact = wide * (Math.log(1e3) + 0.5 * Math.log(2 * Math.PI)); // z changes nothing: every weight is p(x)
    expect(nll(5) / exact).toBeCloseTo(1, 5); // chunks of 2, 2 and 1
    expect(nll(2) / exact).toBeCloseTo(1, 5);
  });
});

describe("elbo objective", () => {
  const datum = image(4, 4, 1);
  const batch = { x: tf.randomUniform([6, 4, 4, 1], 0, 1, "float32", 3) };
  const options = { hidden: [5], latentDim: 3 } as const;
  const params = initial(model(options, datum));
  const at = (more: object, step = 0) => {
    const { loss: value, metrics } = loss(model({ ...options, ...more }, datum), params, batch, 1, step);
    return {
      loss: number(value),
      ...Object.fromEntries(Object.entries(metrics).map(([name, t]) => [name, number(t)])),
    } as Record<"loss" | "reconstruction" | "kl" | "elbo", number>;
  };

  it("is reconstruction plus KL in nats, summed over dimensions, averaged over the batch", () => {
    const plain = at({});
    expect(plain.loss).toBeCloseTo(plain.reconstruction + plain.kl, 4);
    expect(plain.elbo).toBeCloseTo(-plain.loss, 4);
    expect(Math.abs(plain.reconstruction - 16 * Math.LN2)).toBeLessThan(3); // an untrained decoder: about ln 2 a pixel
    const vae = model(options, datum);
    const perExample = numbers(vae.elbo?.(params, {}, batch, key(1)) as tf.Tensor);
    expect(mean(perExample)).toBeCloseTo(plain.elbo, 4);
    const [reconstruction, kl] = ["reconstruction", "kl"].map((name) =>
      mean(numbers(vae.metrics?.[name]?.perExample(params, {}, batch, key(1)) as tf.Tensor)),
    );
    expect(reconstruction).toBeCloseTo(plain.reconstruction, 4);
    expect(kl).toBeCloseTo(plain.kl, 4);
  });

  it("weighs the KL by beta, warmed up linearly", () => {
    const { reconstruction, kl } = at({});
    expect(at({ beta: 4 }).loss).toBeCloseTo(reconstruction + 4 * kl, 4);
    const warm = { beta: 4, warmUpSteps: 10 };
    expect(at(warm, 0).loss).toBeCloseTo(reconstruction, 4);
    expect(at(warm, 5).loss).toBeCloseTo(reconstruction + 2 * kl, 4);
    expect(at(warm, 25).loss).toBeCloseTo(reconstruction + 4 * kl, 4);
    expect(at(warm, 0).elbo).toBeCloseTo(-(reconstruction + kl), 4);
  });

  it("charges at least freeBits a latent dimension", () => {
    const { reconstruction, kl } = at({});
    expect(kl).toBeLessThan(3 * 2);
    expect(at({ freeBits: 2 }).loss).toBeCloseTo(reconstruction + 3 * 2, 4);
    expect(at({ freeBits: 2 }).kl).toBeCloseTo(kl, 5);
  });

  it("equals iwae in expectation at one draw", () => {
    const { elbo } = at({ objective: "iwae", importanceSamples: 1 });
    expect(at({ objective: "iwae", importanceSamples: 1 }).loss).toBeCloseTo(-elbo, 4);
    expect(Math.abs(elbo - at({}).elbo)).toBeLessThan(3);
  });

  it("draws binarisation and z from the key alone", () => {
    const vae = model(options, datum);
    const value = (seed: number) => number(loss(vae, params, batch, seed).loss);
    expect(value(1)).toBe(value(1));
    expect(value(1)).not.toBe(value(2));
  });
});

describe("gradients", () => {
  const tiny = { hidden: [4], latentDim: 2, activation: "tanh" } as const;
  const conv = { ...tiny, network: "conv", channels: [2, 3] } as const;

  it.each([
    ["mlp, dynamic Bernoulli", tiny, image(3, 3, 1)],
    ["conv, odd size, discretised logistic, one scale a pixel", { ...conv, scale: "pixel" }, image(5, 3, 3)],
    [
      "conv, Gaussian with learned width, silu",
      { ...conv, activation: "silu", likelihood: "gaussian" },
      image(5, 3, 3),
    ],
    ["points, free bits and beta", { ...tiny, beta: 0.7, freeBits: 0.01 }, points],
    ["points, iwae, gelu", { ...tiny, activation: "gelu", objective: "iwae", importanceSamples: 3 }, points],
    ["conditional", { ...tiny, conditional: true }, { ...points, classes: 3 }],
  ] as const)("agree with finite differences: %s", (_, options, datum) => {
    const vae = model(options, datum as DatumSpec);
    const params = initial(vae, 2);
    const x = tf.div(tf.floor(tf.randomUniform([4, ...datum.shape], 0, 256, "float32", 5)), 255);
    const batch = { x, label: tf.tensor1d([0, 1, 2, 1], "int32") };
    const paths = flatten<tf.Tensor>(params as never);
    const value = (...leaves: tf.Tensor[]) => {
      let i = 0;
      return tf.mul(
        loss(vae, mapTree(params as never, () => leaves[i++] as never) as never, batch).loss,
        1,
      ) as tf.Scalar;
    };
    const at = paths.map(([, leaf]) => leaf);
    const gradients = tf.grads(value)(at);
    const h = 1e-2;
    paths.forEach(([path, leaf], j) => {
      const gradient = gradients[j] as tf.Tensor;
      const analytic = Math.hypot(...numbers(gradient)); // along the gradient the slope is its length
      const direction = tf.div(gradient, analytic + 1e-12);
      const moved = (sign: number) =>
        number(value(...at.map((t, i) => (i === j ? tf.add(leaf, tf.mul(direction, sign * h)) : t))));
      const numeric = (moved(1) - moved(-1)) / (2 * h);
      expect(analytic, path).toBeGreaterThan(0);
      expect(Math.abs(numeric - analytic), path).toBeLessThan(0.01 * analytic + 2e-3);
    });
    expect(new Set(paths.map(([path]) => path.split(".")[0]))).toEqual(new Set(vae.objectives[0]?.trains));
  });
});

describe("kl metric", () => {
  const logNormal = (v: number, mu: number, logVar: number) =>
    -0.5 * ((v - mu) ** 2 / Math.exp(logVar) + logVar + Math.log(2 * Math.PI));

  /** `KL(N(mu, e^logVar) || N(0, 1))` by the trapezoidal rule in float64. */
  function numericKl(mu: number, logVar: number): number {
    const sd = Math.exp(logVar / 2);
    const step = sd / 200;
    let sum = 0;
    for (let v = mu - 10 * sd; v <= mu + 10 * sd; v += step) {
      sum += Math.exp(logNormal(v, mu, logVar)) * (logNormal(v, mu, logVar) - logNormal(v, 0, 0)) * step;
    }
    return sum;
  }

  it("is the integral of q log(q / p), summed over latent dimensions", () => {
    const vae = model({ latentDim: 2, hidden: [] }, points);
    const params: VaeParams = {
      encoder: { dense: { layer0: { kernel: tf.zeros([2, 4]), bias: tf.tensor1d([1.5, -0.3, -2, 1]) } } },
      decoder: { dense: { layer0: { kernel: tf.zeros([2, 2]), bias: tf.zeros([2]) } } },
      likelihood: { logScale: tf.scalar(0) },
    };
    const kl = number(vae.metrics?.kl?.perExample(params, {}, { x: tf.zeros([1, 2]) }, key(1)) as tf.Tensor);
    expect(kl).toBeCloseTo(numericKl(1.5, -2) + numericKl(-0.3, 1), 3);
  });
});

describe("active units", () => {
  it("counts the latent dimensions whose posterior mean varies", () => {
    const vae = model({ latentDim: 3, hidden: [] }, points);
    const encoder = {
      dense: {
        layer0: {
          kernel: tf.tensor2d([
            [1, 0, 0.05, 0, 0, 0],
            [0, 0, 0, 0, 0, 0],
          ]),
          bias: tf.zeros([6]),
        },
      },
    };
    const x = tf.randomNormal([400, 2], 0, 1, "float32", 9);
    const means = vae.metrics?.activeUnits?.perExample({ encoder, decoder: {} }, {}, { x }, key(1)) as tf.Tensor;
    expect(means.shape).toEqual([400, 3]);
    const counted = vae.metrics?.activeUnits?.aggregate?.({
      shape: [400, 3],
      dtype: "float32",
      data: means.dataSync() as Float32Array,
    });
    expect(counted).toEqual({ value: 1, stderr: 0, n: 400 }); // variances 1, 0 and 0.0025
  });
});
