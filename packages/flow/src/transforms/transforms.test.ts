import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { asScalar, checkTransform, key, noise, numbers, shaken } from "../../test/support.js";
import { gatedConv } from "../networks/gated-conv.js";
import { madeNetwork } from "../networks/made.js";
import { residualMlp } from "../networks/residual-mlp.js";
import { actnorm } from "./actnorm.js";
import { autoregressive } from "./autoregressive.js";
import { causalTransformer } from "./causal-transformer.js";
import { chain, inverse, repeat } from "./chain.js";
import { checkerboardCoupling, coupling } from "./coupling.js";
import { additive, affine } from "./elementwise.js";
import { linear } from "./linear.js";
import { logit } from "./logit.js";
import { marginal } from "./marginal.js";
import { patches } from "./patches.js";
import { permute } from "./permute.js";
import { rationalQuadraticSpline } from "./spline.js";
import { split } from "./split.js";
import { flattened, squeeze } from "./squeeze.js";
import type { Transform } from "./transform.js";

const spline = () => rationalQuadraticSpline({ bins: 5, bound: 3 });
const mlp = () => residualMlp({ width: 12, blocks: 1 });
const made = () => madeNetwork({ width: 12, blocks: 1 });
const conv = () => gatedConv({ channels: 4, layers: 1 });
const vectors = noise(5, [3, 5], 1.3);
const images = noise(6, [2, 4, 4, 2]);
const tokens = noise(7, [2, 4, 3]);
const unit = tf.sigmoid(noise(8, [2, 4]));

/** `scale`: how far parameters are moved; slopes of 1e-3 would leave an inverse in float32 three digits, whatever its formula. */
const cases: Record<string, { make: () => Transform; x: tf.Tensor; scale?: number }> = {
  "affine coupling": { make: () => coupling(affine(), mlp()), x: vectors },
  "additive coupling": { make: () => coupling(additive(), mlp()), x: vectors },
  "spline coupling": { make: () => coupling(spline(), mlp()), x: vectors },
  "affine coupling of channels": { make: () => coupling(affine(), conv()), x: images },
  "spline coupling of channels": { make: () => coupling(spline(), conv()), x: images, scale: 0.1 },
  "black squares": { make: () => checkerboardCoupling(affine(), conv(), 0), x: images },
  "white squares": { make: () => checkerboardCoupling(affine(), conv(), 1), x: images },
  "affine autoregressive": { make: () => autoregressive(affine(), made(), 5), x: vectors },
  "spline autoregressive": { make: () => autoregressive(spline(), made(), 5), x: vectors },
  "inverse autoregressive": { make: () => inverse(autoregressive(affine(), made(), 5)), x: vectors },
  "actnorm of vectors": { make: actnorm, x: vectors },
  "actnorm of images": { make: actnorm, x: images },
  "LU linear": { make: () => linear({ features: 5, rotation: 3 }), x: vectors },
  "1x1 convolution": { make: () => linear({ features: 2, rotation: 1 }), x: images },
  reversal: { make: () => permute(5, "reverse"), x: vectors },
  "random permutation": { make: () => permute(5, 4), x: vectors },
  squeeze: { make: squeeze, x: images },
  patches: { make: () => patches([4, 4, 2], 2), x: images },
  "split with a prior": { make: () => split([4, 4, 2], flattened([4, 4, 1]), conv()), x: images },
  "marginal splines": { make: () => marginal(spline()), x: vectors },
  "marginal splines of channels": { make: () => marginal(spline()), x: images },
  logit: { make: () => logit(0.01), x: unit },
  "causal transformer": { make: () => causalTransformer({ tokens: 4, width: 8, layers: 2, heads: 2 }), x: tokens },
  "chain of five": {
    make: () =>
      chain({
        norm: actnorm(),
        linear: linear({ features: 5 }),
        first: coupling(spline(), mlp()),
        swap: permute(5, "reverse"),
        second: coupling(affine(), mlp()),
      }),
    x: vectors,
    scale: 0.1,
  },
  "three autoregressive blocks": {
    make: () => repeat(3, chain({ turn: permute(5, "reverse"), autoregressive: autoregressive(affine(), made(), 5) })),
    x: vectors,
  },
};

describe.each(Object.entries(cases))("%s", (_name, { make, x, scale }) => {
  it("inverts, and knows the determinant of its Jacobian; every parameter has a gradient", () => {
    checkTransform(make(), x, scale === undefined ? {} : { scale });
  });

  it("stays finite, gradients too, for values up to a million", () => {
    const transform = make();
    const params = shaken(transform.init(key(2), x), 0.3);
    const large = tf.mul(x, 1e6);
    const { y, logDet } = transform.encode(params, large);
    expect([...numbers(y), ...numbers(logDet)].every(Number.isFinite)).toBe(true);
    const back = transform.decode(params, tf.reshape(large, y.shape));
    expect([...numbers(back.y), ...numbers(back.logDet)].every(Number.isFinite)).toBe(true);
    const slope = tf.grad((input: tf.Tensor) => {
      const mapped = transform.encode(params, input);
      return tf.add(tf.mean(mapped.y), tf.mean(mapped.logDet));
    })(large);
    expect(numbers(slope).every(Number.isFinite)).toBe(true);
  });
});

describe("conditioned on vectors and images", () => {
  const context = noise(9, [3, 2]);
  const image = noise(10, [2, 4, 4, 1]);
  it.each<[string, () => Transform, tf.Tensor, tf.Tensor]>([
    ["coupling", () => coupling(affine(), mlp()), vectors, context],
    ["autoregressive", () => autoregressive(spline(), made(), 5), vectors, context],
    ["channels on vectors", () => coupling(affine(), conv()), images, tf.slice(context, [0, 0], [2, 2])],
    ["channels on an image", () => checkerboardCoupling(affine(), conv(), 0), images, image],
    [
      "causal transformer",
      () => causalTransformer({ tokens: 4, width: 8, layers: 1, heads: 2 }),
      tokens,
      tf.slice(context, [0, 0], [2, 2]),
    ],
  ])("%s", (_name, make, x, given) => {
    checkTransform(make(), x, { context: given });
    const transform = make();
    const params = shaken(transform.init(key(1), x, given), 0.3);
    const other = transform.encode(params, x, tf.add(given, 1)).y;
    expect(numbers(tf.abs(tf.sub(other, transform.encode(params, x, given).y))).some((d) => d > 1e-4)).toBe(true);
  });
});

describe("first parameters", () => {
  it("make actnorm standardise the first batch", () => {
    const x = tf.add(tf.mul(noise(11, [64, 3]), tf.tensor1d([0.1, 5, 40])), tf.tensor1d([3, -2, 100]));
    const norm = actnorm();
    const { y } = norm.encode(norm.init(key(0), x), x);
    const { mean, variance } = tf.moments(y, 0);
    for (const value of numbers(mean)) expect(value).toBeCloseTo(0, 4);
    for (const value of numbers(variance)) expect(value).toBeCloseTo(1, 3);
  });

  it("make couplings and autoregressive layers the identity", () => {
    for (const transform of [
      coupling(spline(), mlp()),
      autoregressive(affine(), made(), 5),
      coupling(affine(), mlp()),
    ]) {
      const { y, logDet } = transform.encode(transform.init(key(0), vectors), vectors);
      expect(numbers(tf.abs(tf.sub(y, vectors))).every((d) => d < 1e-5)).toBe(true);
      for (const value of numbers(logDet)) expect(value).toBeCloseTo(0, 4);
    }
  });
});

describe("a masked network", () => {
  it("lets output d see the inputs before d only, and all of them", () => {
    const D = 5;
    const network = made();
    const params = shaken(network.init(key(3), vectors, 2 * D), 0.5);
    const x = tf.slice(vectors, [0, 0], [1, D]);
    for (let j = 0; j < 2 * D; j++) {
      const slope = numbers(
        tf.grad((input: tf.Tensor) => asScalar(tf.slice(network.apply(params, input), [0, j], [1, 1])))(x),
      );
      slope.forEach((value, d) => {
        if (d >= j % D) expect(value, `output ${j} of input ${d}`).toBe(0);
      });
    }
    const reach = numbers(
      tf.grad((input: tf.Tensor) => asScalar(tf.slice(network.apply(params, input), [0, D - 1], [1, 1])))(x),
    );
    expect(reach.slice(0, D - 1).every((value) => value !== 0)).toBe(true);
  });
});
