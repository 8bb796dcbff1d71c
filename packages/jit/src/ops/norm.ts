import { add, div, mean, mul, reshape, rsqrt, square, sub, sum, type Tensor, tile } from "@tensorflow/tfjs-core";
import { defineComposite } from "../composite.js";

type NormInputs = { x: Tensor; scale: Tensor; offset: Tensor };

/** Centred and scaled to unit variance over `axes`, with the reciprocal deviation. */
function standardize(x: Tensor, axes: number[], epsilon: number): { xHat: Tensor; inverse: Tensor } {
  const centred = sub(x, mean(x, axes, true));
  const inverse = rsqrt(add(mean(square(centred), axes, true), epsilon));
  return { xHat: mul(centred, inverse), inverse };
}

/** Gradient through {@link standardize}: `inverse * (d - mean(d) - xHat * mean(d * xHat))`. */
function standardizeGradient(d: Tensor, xHat: Tensor, inverse: Tensor, axes: number[]): Tensor {
  const meanD = mean(d, axes, true);
  const meanDx = mean(mul(d, xHat), axes, true);
  return mul(inverse, sub(sub(d, meanD), mul(xHat, meanDx)));
}

const allButLast = (x: Tensor): number[] => x.shape.slice(0, -1).map((_, i) => i);

const layerNormKernel = defineComposite<NormInputs, { epsilon: number }>({
  name: "LayerNorm",
  inputs: ["x", "scale", "offset"],
  forward: ({ x, scale, offset }, { epsilon }) => add(mul(standardize(x, [x.rank - 1], epsilon).xHat, scale), offset),
  gradient: ([dy], inputs, { epsilon }) => {
    const { x, scale } = inputs as NormInputs;
    const axes = [x.rank - 1];
    const { xHat, inverse } = standardize(x, axes, epsilon);
    return {
      x: () => standardizeGradient(mul(dy as Tensor, scale), xHat, inverse, axes),
      scale: () => sum(mul(dy as Tensor, xHat), allButLast(x)),
      offset: () => sum(dy as Tensor, allButLast(x)),
    };
  },
});

/**
 * Layer normalisation over the last axis. Ba et al., 2016, §3. https://arxiv.org/abs/1607.06450
 *
 * @param x Shape `(..., C)`. @param scale Shape `(C,)`. @param offset Shape `(C,)`. @returns As `x`.
 */
export function layerNorm(x: Tensor, scale: Tensor, offset: Tensor, epsilon = 1e-5): Tensor {
  return layerNormKernel({ x, scale, offset }, { epsilon }) as Tensor;
}

/** `(B, ..., C)` to `(B, S, C)`. */
function asRows(x: Tensor): Tensor {
  const [batch, channels] = [x.shape[0] as number, x.shape[x.rank - 1] as number];
  return reshape(x, [batch, x.size / batch / channels, channels]);
}

/** The mean over positions. @param x Shape `(B, S, C)`. @returns Shape `(B, C)`. */
const positionMean = (x: Tensor): Tensor => mean(x, 1);

/** The mean of every group, repeated for each of its channels. @param means Of channels, shape `(B, C)`. @returns Shape `(B, 1, C)`. */
function groupMean(means: Tensor, groups: number): Tensor {
  const [batch, channels] = means.shape as [number, number];
  const size = channels / groups;
  const overGroup = mean(reshape(means, [batch, groups, size]), 2, true); // (B, G, 1)
  return reshape(tile(overGroup, [1, 1, size]), [batch, 1, channels]);
}

/** Centred and scaled to unit variance over positions and the channels of a group. @param x Shape `(B, S, C)`. */
function standardizeGroups(x: Tensor, groups: number, epsilon: number): { xHat: Tensor; inverse: Tensor } {
  const centred = sub(x, groupMean(positionMean(x), groups));
  const inverse = rsqrt(add(groupMean(positionMean(square(centred)), groups), epsilon));
  return { xHat: mul(centred, inverse), inverse };
}

// Large tensors are read along their rows, and as few times as can be: every sum that a gradient needs follows from two over positions.
const groupNormKernel = defineComposite<NormInputs, { groups: number; epsilon: number }>({
  name: "GroupNorm",
  inputs: ["x", "scale", "offset"],
  forward: ({ x, scale, offset }, { groups, epsilon }) => {
    const { xHat } = standardizeGroups(asRows(x), groups, epsilon);
    return reshape(add(mul(xHat, scale), offset), x.shape);
  },
  gradient: ([dy], inputs, { groups, epsilon }) => {
    const { x, scale } = inputs as NormInputs;
    const { xHat, inverse } = standardizeGroups(asRows(x), groups, epsilon);
    const rows = asRows(dy as Tensor);
    const [along, against] = [positionMean(rows), positionMean(mul(rows, xHat))]; // (B, C)
    const positions = rows.shape[1] as number;
    const dx = () => {
      const others = add(groupMean(mul(along, scale), groups), mul(xHat, groupMean(mul(against, scale), groups)));
      return reshape(mul(inverse, sub(mul(rows, scale), others)), x.shape);
    };
    return { x: dx, scale: () => mul(sum(against, 0), positions), offset: () => mul(sum(along, 0), positions) };
  },
});

/**
 * Group normalisation of channels-last data. Wu & He, 2018, §3. https://arxiv.org/abs/1803.08494
 *
 * @param x Shape `(B, ..., C)`, C divisible by `groups`. @param scale Shape `(C,)`. @param offset Shape `(C,)`. @returns As `x`.
 * @throws RangeError when it is not divisible.
 */
export function groupNorm(x: Tensor, scale: Tensor, offset: Tensor, groups: number, epsilon = 1e-5): Tensor {
  const channels = x.shape[x.rank - 1] as number;
  if (channels % groups !== 0)
    throw new RangeError(`groupNorm: ${channels} channels do not divide into ${groups} groups`);
  return groupNormKernel({ x, scale, offset }, { groups, epsilon }) as Tensor;
}

const rmsNormKernel = defineComposite<{ x: Tensor; scale: Tensor }, { epsilon: number }>({
  name: "RmsNorm",
  inputs: ["x", "scale"],
  forward: ({ x, scale }, { epsilon }) => mul(mul(x, rsqrt(add(mean(square(x), -1, true), epsilon))), scale),
  gradient: ([dy], inputs, { epsilon }) => {
    const { x, scale } = inputs as { x: Tensor; scale: Tensor };
    const inverse = rsqrt(add(mean(square(x), -1, true), epsilon));
    const xHat = mul(x, inverse);
    const d = mul(dy as Tensor, scale);
    return {
      x: () => mul(inverse, sub(d, mul(xHat, div(sum(mul(d, xHat), -1, true), x.shape[x.rank - 1] as number)))),
      scale: () => sum(mul(dy as Tensor, xHat), allButLast(x)),
    };
  },
});

/**
 * Root-mean-square normalisation over the last axis. Zhang & Sennrich, 2019, §3. https://arxiv.org/abs/1910.07467
 *
 * @param x Shape `(..., C)`. @param scale Shape `(C,)`. @returns As `x`.
 */
export function rmsNorm(x: Tensor, scale: Tensor, epsilon = 1e-6): Tensor {
  return rmsNormKernel({ x, scale }, { epsilon }) as Tensor;
}

const batchNormKernel = defineComposite<NormInputs, { epsilon: number }>({
  name: "BatchNorm",
  inputs: ["x", "scale", "offset"],
  forward: ({ x, scale, offset }, { epsilon }) => {
    const { centred, inverse, moments } = standardizeBatch(x, epsilon);
    return [reshape(add(mul(centred, mul(inverse, scale)), offset), x.shape), ...moments];
  },
  gradient: ([dy, dMean, dVariance], inputs, { epsilon }) => {
    const { x, scale } = inputs as NormInputs;
    const { centred, inverse } = standardizeBatch(x, epsilon);
    const xHat = mul(centred, inverse);
    const rows = asMatrix(dy as Tensor);
    const [along, against] = [mean(rows, 0), mean(mul(rows, xHat), 0)]; // (C,)
    const n = rows.shape[0] as number;
    const dx = () => {
      const through = mul(mul(inverse, scale), sub(rows, add(along, mul(xHat, against))));
      const ofMoments = div(add(dMean as Tensor, mul(mul(dVariance as Tensor, 2), centred)), n);
      return reshape(add(through, ofMoments), x.shape);
    };
    return { x: dx, scale: () => mul(against, n), offset: () => mul(along, n) };
  },
});

/** `(B, ..., C)` to `(N, C)`. */
const asMatrix = (x: Tensor): Tensor => reshape(x, [-1, x.shape[x.rank - 1] as number]);

function standardizeBatch(x: Tensor, epsilon: number) {
  const rows = asMatrix(x);
  const centre = mean(rows, 0); // (C,)
  const centred = sub(rows, centre); // (N, C)
  const variance = mean(square(centred), 0); // (C,)
  return { centred, inverse: rsqrt(add(variance, epsilon)), moments: [centre, variance] };
}

/**
 * Batch normalisation of channels-last data by the batch itself. Ioffe & Szegedy, 2015, Algorithm 1. https://arxiv.org/abs/1502.03167
 *
 * @param x Shape `(B, ..., C)`. @param scale Shape `(C,)`. @param offset Shape `(C,)`.
 * @returns `y` as `x`; mean and biased variance of the batch, shape `(C,)`.
 */
export function batchNorm(
  x: Tensor,
  scale: Tensor,
  offset: Tensor,
  epsilon = 1e-5,
): { y: Tensor; mean: Tensor; variance: Tensor } {
  const [y, mean, variance] = batchNormKernel({ x, scale, offset }, { epsilon }) as [Tensor, Tensor, Tensor];
  return { y, mean, variance };
}
