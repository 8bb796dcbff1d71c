import {
  add,
  backend_util,
  cast,
  equal,
  fill,
  mul,
  pad,
  slice,
  stridedSlice,
  sub,
  type Tensor,
  tensor,
} from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";
import { defineGradient, defineGradientWithOutputs } from "./define.js";
import { runKernel } from "./run-kernel.js";
import { zeros } from "./shapes.js";

type Paddings = [number, number][];

function geometry(shape: readonly number[], attrs: Attrs) {
  return backend_util.computePool2DInfo(
    shape as [number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as "same",
    attrs.dimRoundingMode as undefined,
  );
}

type Geometry = ReturnType<typeof geometry>;

/** What to add around the input so that pooling without padding visits the same windows. */
function explicitPaddings(info: Geometry): Paddings {
  const axis = (
    before: number,
    size: number,
    after: number,
    out: number,
    stride: number,
    window: number,
  ): [number, number] => [before, Math.max(after, (out - 1) * stride + window - before - size)];
  const { top, bottom, left, right } = info.padInfo;
  return [
    [0, 0],
    axis(top, info.inHeight, bottom, info.outHeight, info.strideHeight, info.filterHeight),
    axis(left, info.inWidth, right, info.outWidth, info.strideWidth, info.filterWidth),
    [0, 0],
  ];
}

const isPadded = (paddings: Paddings): boolean => paddings.some(([before, after]) => before > 0 || after > 0);

const unpadded = ({ filterSize, strides }: Attrs): Attrs => ({ filterSize, strides, pad: "valid" });

/**
 * AvgPool averages over the part of a window inside the image; tfjs-core's AvgPoolGrad always divides by the whole window. So the gradient is
 * scaled by their ratio, and taken without padding, where all backends agree.
 */
defineGradient("AvgPool", ["x"], (dy, { x }, attrs) => ({
  x: () => {
    const info = geometry(x.shape, attrs);
    const paddings = explicitPaddings(info);
    if (!isPadded(paddings)) return runKernel("AvgPoolGrad", { dy, input: x }, unpadded(attrs));
    const shape = x.shape.map(
      (dim, i) => dim + (paddings[i] as [number, number])[0] + (paddings[i] as [number, number])[1],
    );
    const scaled = mul(dy, windowRatio(info));
    const grad = runKernel("AvgPoolGrad", { dy: scaled, input: zeros(shape) }, unpadded(attrs));
    return slice(
      grad,
      paddings.map(([before]) => before),
      x.shape,
    );
  },
}));

/** Window size over the number of pixels of it inside the image, (1, outHeight, outWidth, 1). */
function windowRatio(info: Geometry): Tensor {
  const inside = (out: number, stride: number, before: number, window: number, size: number): number[] =>
    Array.from({ length: out }, (_, i) => {
      const start = i * stride - before;
      return window / (Math.min(start + window, size) - Math.max(start, 0));
    });
  const rows = inside(info.outHeight, info.strideHeight, info.padInfo.top, info.filterHeight, info.inHeight);
  const columns = inside(info.outWidth, info.strideWidth, info.padInfo.left, info.filterWidth, info.inWidth);
  const ratios = rows.flatMap((row) => columns.map((column) => row * column));
  return tensor(ratios, [1, info.outHeight, info.outWidth, 1]);
}

defineGradient("AvgPoolGrad", ["input"], (ddx, { input }, attrs) => ({
  dy: () => {
    const paddings = explicitPaddings(geometry(input.shape, attrs));
    return runKernel("AvgPool", { x: isPadded(paddings) ? pad(ddx, paddings) : ddx }, unpadded(attrs));
  },
  input: () => zeros(input.shape),
}));

// The geometry includes the rounding of sizes, which tfjs-core's own gradient leaves out.
defineGradientWithOutputs(
  "MaxPool",
  ["x"],
  [true],
  ([dy], [x, y], { filterSize, strides, pad: padding, dimRoundingMode }) => ({
    x: () =>
      runKernel(
        "MaxPoolGrad",
        { dy: dy as Tensor, input: x as Tensor, output: y as Tensor },
        {
          filterSize,
          strides,
          pad: padding,
          dimRoundingMode,
        },
      ),
  }),
);

/** Below every float32 that data may hold, so that padding never wins. */
const LOWEST = -3.4e38;

defineGradient("MaxPoolGrad", ["input", "output"], (ddx, { input, output }, attrs) => ({
  dy: () => pickAtMaximum(ddx, input, output, geometry(input.shape, attrs)),
  input: () => zeros(input.shape),
  output: () => zeros(output.shape),
}));

/** `values` at the first maximum of each window of `x`, going through the windows' offsets in order. */
function pickAtMaximum(values: Tensor, x: Tensor, maxima: Tensor, info: Geometry): Tensor {
  const paddings = explicitPaddings(info);
  const padded = isPadded(paddings) ? pad(x, paddings, LOWEST) : x;
  const paddedValues = isPadded(paddings) ? pad(values, paddings) : values;
  let picked = zeros(maxima.shape);
  let open: Tensor = fill(maxima.shape, 1, "float32");
  for (let row = 0; row < info.filterHeight; row++) {
    for (let column = 0; column < info.filterWidth; column++) {
      const hit = mul(open, cast(equal(atOffset(padded, row, column, info), maxima), "float32"));
      picked = add(picked, mul(hit, atOffset(paddedValues, row, column, info)));
      open = sub(open, hit);
    }
  }
  return picked;
}

/** The pixel at an offset within every window. */
function atOffset(t: Tensor, row: number, column: number, info: Geometry): Tensor {
  const { batchSize, outHeight, outWidth, strideHeight, strideWidth, inChannels } = info;
  const end = [
    batchSize,
    row + (outHeight - 1) * strideHeight + 1,
    column + (outWidth - 1) * strideWidth + 1,
    inChannels,
  ];
  return stridedSlice(t, [0, row, column, 0], end, [1, strideHeight, strideWidth, 1]);
}

/** Three dimensions, to first order. */
defineGradient("AvgPool3D", ["x"], (dy, { x }, { filterSize, strides, pad: padding, dimRoundingMode }) => ({
  x: () => {
    if (padding !== "valid")
      throw new Error('the gradient of avgPool3d needs pad "valid"; pad the input with tf.pad first');
    return runKernel("AvgPool3DGrad", { dy, input: x }, { filterSize, strides, pad: padding, dimRoundingMode });
  },
}));

defineGradientWithOutputs(
  "MaxPool3D",
  ["x"],
  [true],
  ([dy], [x, y], { filterSize, strides, pad: padding, dimRoundingMode }) => ({
    x: () => {
      const inputs = { dy: dy as Tensor, input: x as Tensor, output: y as Tensor };
      return runKernel("MaxPool3DGrad", inputs, { filterSize, strides, pad: padding, dimRoundingMode });
    },
  }),
);
