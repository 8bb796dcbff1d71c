import { matMul, reshape, sum, type Tensor, tensor2d } from "@tensorflow/tfjs-core";
import { defineGradient } from "./define.js";
import { runKernel } from "./run-kernel.js";
import { zeros } from "./shapes.js";

interface Sampling {
  readonly alignCorners: boolean;
  readonly halfPixelCenters: boolean;
}

/** Weights with which one output position reads input positions, as tfjs-core's kernels compute them. */
type Weights = (
  position: number,
  inSize: number,
  ratio: number,
  sampling: Sampling,
) => readonly (readonly [index: number, weight: number])[];

const bilinear: Weights = (position, inSize, ratio, { halfPixelCenters }) => {
  const source = halfPixelCenters ? ratio * (position + 0.5) - 0.5 : ratio * position;
  const low = Math.max(0, Math.floor(source));
  const high = Math.min(inSize - 1, Math.ceil(source));
  return [
    [low, 1 - (source - low)],
    [high, source - low],
  ];
};

const nearest: Weights = (position, inSize, ratio, { alignCorners, halfPixelCenters }) => {
  const source = ratio * (halfPixelCenters ? position + 0.5 : position);
  const index = Math.min(inSize - 1, alignCorners ? Math.round(source) : Math.floor(source));
  return [[Math.max(0, index), 1]];
};

/** Interpolation along one axis as a matrix, transposed: (inSize, outSize). */
function transposedMatrix(weights: Weights, inSize: number, outSize: number, sampling: Sampling): Tensor {
  const corners = sampling.alignCorners && outSize > 1 ? 1 : 0;
  const ratio = (inSize - corners) / (outSize - corners);
  const values = new Float32Array(inSize * outSize);
  for (let position = 0; position < outSize; position++) {
    for (const [index, weight] of weights(position, inSize, ratio, sampling)) {
      const at = index * outSize + position;
      values[at] = (values[at] as number) + weight;
    }
  }
  return tensor2d(values, [inSize, outSize]);
}

/** Resizing is linear and separable, so its gradient is one product along each axis. */
function resizeGradient(weights: Weights, dy: Tensor, images: Tensor, sampling: Sampling): Tensor {
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
  const rows = matMul(
    transposedMatrix(weights, height, outHeight, sampling),
    reshape(dy, [batch, outHeight, outWidth * channels]),
  );
  const columns = matMul(
    transposedMatrix(weights, width, outWidth, sampling),
    reshape(rows, [batch * height, outWidth, channels]),
  );
  return reshape(columns, images.shape);
}

/** Whole-number enlargement: each pixel sums its copies. */
function sumOfCopies(dy: Tensor, images: Tensor): Tensor {
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const [, outHeight, outWidth] = dy.shape as [number, number, number, number];
  return sum(reshape(dy, [batch, height, outHeight / height, width, outWidth / width, channels]), [2, 4]);
}

const isWhole = (dy: Tensor, images: Tensor): boolean =>
  [1, 2].every((axis) => (dy.shape[axis] as number) % (images.shape[axis] as number) === 0);

// tfjs-core's gradient kernels ignore halfPixelCenters, so the gradients are written with products that every backend has.
defineGradient("ResizeBilinear", ["images"], (dy, { images }, attrs) => ({
  images: () => resizeGradient(bilinear, dy, images, attrs as unknown as Sampling),
}));

defineGradient("ResizeNearestNeighbor", ["images"], (dy, { images }, attrs) => ({
  images: () =>
    !attrs.alignCorners && isWhole(dy, images)
      ? sumOfCopies(dy, images)
      : resizeGradient(nearest, dy, images, attrs as unknown as Sampling),
}));

for (const kernel of ["ResizeBilinear", "ResizeNearestNeighbor"]) {
  defineGradient(`${kernel}Grad`, ["images", "dy"], (ddx, { images, dy }, attrs) => ({
    dy: () => runKernel(kernel, { images: ddx }, { ...attrs, halfPixelCenters: false, size: dy.shape.slice(1, 3) }),
    images: () => zeros(images.shape),
  }));
}
