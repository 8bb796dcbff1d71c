import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../gradients/run-kernel.js";
import { between, float, kernelCase, VALUES_ONLY } from "./case.js";

type Pad = number | "same" | "valid" | [[number, number], [number, number], [number, number], [number, number]];

interface Convolution {
  readonly x: [number, number, number, number];
  readonly filter: [number, number, number, number];
  readonly strides?: number | [number, number];
  readonly pad: Pad;
  readonly dilations?: number | [number, number];
}

const around: Pad = [
  [0, 0],
  [1, 2],
  [0, 1],
  [0, 0],
];

/** Geometry of dense convolutions: (batch, height, width, in) with (height, width, in, out). */
const DENSE: Readonly<Record<string, Convolution>> = {
  "1x1": { x: [2, 3, 3, 3], filter: [1, 1, 3, 4], pad: "valid" },
  "1x1 with stride 2": { x: [1, 4, 4, 2], filter: [1, 1, 2, 3], strides: 2, pad: "same" },
  "3x3 same": { x: [1, 5, 5, 2], filter: [3, 3, 2, 3], pad: "same" },
  "3x3 valid": { x: [1, 5, 5, 2], filter: [3, 3, 2, 3], pad: "valid" },
  "3x3 same with stride 2, odd size": { x: [1, 5, 5, 2], filter: [3, 3, 2, 2], strides: 2, pad: "same" },
  "3x3 same with stride 2, even size": { x: [1, 6, 6, 2], filter: [3, 3, 2, 2], strides: 2, pad: "same" },
  "4x4 same with stride 2": { x: [1, 6, 6, 2], filter: [4, 4, 2, 2], strides: 2, pad: "same" },
  "2x2 same": { x: [1, 4, 5, 2], filter: [2, 2, 2, 2], pad: "same" },
  "3x2 valid with stride 2x1": { x: [1, 6, 4, 2], filter: [3, 2, 2, 2], strides: [2, 1], pad: "valid" },
  "3x3 padded by 1 with stride 2": { x: [1, 5, 5, 2], filter: [3, 3, 2, 2], strides: 2, pad: 1 },
  "3x3 explicitly padded": { x: [1, 4, 5, 2], filter: [3, 3, 2, 2], pad: around },
  "3x3 explicitly padded with stride 2": { x: [1, 6, 6, 2], filter: [3, 3, 2, 2], strides: 2, pad: around },
  "3x3 dilated by 2, valid": { x: [1, 7, 7, 2], filter: [3, 3, 2, 2], pad: "valid", dilations: 2 },
  "3x3 dilated by 2, same": { x: [1, 5, 6, 2], filter: [3, 3, 2, 2], pad: "same", dilations: 2 },
  "1x3 dilated by 3, same": { x: [2, 1, 8, 2], filter: [1, 3, 2, 2], pad: "same", dilations: [1, 3] },
  "2x2 dilated, explicitly padded": { x: [1, 4, 5, 2], filter: [2, 2, 2, 2], pad: around, dilations: [2, 3] },
  "non-square": { x: [2, 3, 7, 1], filter: [2, 5, 1, 2], pad: "same" },
  "the whole image": { x: [2, 3, 3, 2], filter: [3, 3, 2, 4], pad: "valid" },
  "5x5 on a 1x1 image": { x: [1, 1, 1, 2], filter: [5, 5, 2, 2], pad: "same" },
};

/** Depthwise convolutions: (height, width, in, multiplier). */
const DEPTHWISE: Readonly<Record<string, Convolution>> = {
  "3x3 same": { x: [1, 5, 5, 3], filter: [3, 3, 3, 1], pad: "same" },
  "3x3 valid, multiplier 2": { x: [1, 5, 4, 2], filter: [3, 3, 2, 2], pad: "valid" },
  "3x3 same with stride 2": { x: [1, 6, 6, 2], filter: [3, 3, 2, 1], strides: 2, pad: "same" },
  "3x3 explicitly padded": { x: [1, 4, 4, 2], filter: [3, 3, 2, 1], pad: around },
  "3x3 dilated by 2, same": { x: [1, 6, 5, 2], filter: [3, 3, 2, 2], pad: "same", dilations: 2 },
  "2x2 dilated by 2, valid": { x: [1, 5, 5, 2], filter: [2, 2, 2, 1], pad: "valid", dilations: 2 },
};

/** Transposed convolutions: x with (height, width, out, in) to an output of the given height and width. */
const TRANSPOSED: Readonly<Record<string, Convolution & { readonly out: [number, number] }>> = {
  "3x3 same with stride 2": { x: [1, 3, 3, 2], filter: [3, 3, 3, 2], strides: 2, pad: "same", out: [6, 6] },
  "3x3 same with stride 2, odd output": { x: [1, 3, 3, 2], filter: [3, 3, 2, 2], strides: 2, pad: "same", out: [5, 5] },
  "4x4 same with stride 2": { x: [1, 3, 4, 2], filter: [4, 4, 2, 2], strides: 2, pad: "same", out: [6, 8] },
  "3x3 valid": { x: [1, 3, 3, 2], filter: [3, 3, 2, 2], pad: "valid", out: [5, 5] },
  "2x2 valid with stride 2": { x: [2, 2, 3, 2], filter: [2, 2, 1, 2], strides: 2, pad: "valid", out: [4, 6] },
  "3x3 padded by 1 with stride 2": { x: [1, 3, 3, 2], filter: [3, 3, 2, 2], strides: 2, pad: 1, out: [5, 5] },
  "from 1x1": { x: [2, 1, 1, 3], filter: [4, 4, 2, 3], pad: "valid", out: [4, 4] },
};

const conv =
  ({ strides = 1, pad, dilations = 1 }: Convolution) =>
  (x: tf.Tensor4D, filter: tf.Tensor4D) =>
    tf.conv2d(x, filter, strides, pad, "NHWC", dilations);

const depthwise =
  ({ strides = 1, pad, dilations = 1 }: Convolution) =>
  (x: tf.Tensor4D, filter: tf.Tensor4D) =>
    tf.depthwiseConv2d(x, filter, strides, pad, "NHWC", dilations);

/** 28x28 to 7x7, the way down of image models. */
const downwards = (x: tf.Tensor4D, first: tf.Tensor4D, second: tf.Tensor4D) =>
  tf.conv2d(tf.elu(tf.conv2d(x, first, 2, "same")), second, 2, "same");

/** 7x7 to 28x28, the way up. */
const upwards = (x: tf.Tensor4D, first: tf.Tensor4D, second: tf.Tensor4D) => {
  const half = tf.elu(tf.conv2dTranspose(x, first, [1, 14, 14, 2], 2, "same"));
  return tf.conv2dTranspose(half as tf.Tensor4D, second, [1, 28, 28, 1], 2, "same");
};

const attrs2d = { strides: 2, pad: "same", dataFormat: "NHWC", dilations: 1 };
const fusedNames = ["x", "filter", "bias"];
const fused =
  (kernel: string, activation: string) =>
  (...given: tf.Tensor[]) =>
    runKernel(kernel, Object.fromEntries(given.map((t, i) => [fusedNames[i], t])), {
      ...attrs2d,
      strides: 1,
      activation,
    });

export const convolutionCases = [
  ...Object.entries(DENSE).map(([name, c]) =>
    kernelCase(`conv2d ${name}`, "Conv2D", [float(...c.x), float(...c.filter)], conv(c)),
  ),
  ...Object.entries(DEPTHWISE).map(([name, c]) =>
    kernelCase(`depthwiseConv2d ${name}`, "DepthwiseConv2dNative", [float(...c.x), float(...c.filter)], depthwise(c)),
  ),
  ...Object.entries(TRANSPOSED).map(([name, c]) =>
    kernelCase(`conv2dTranspose ${name}`, "Conv2DBackpropInput", [float(...c.x), float(...c.filter)], (x, filter) =>
      tf.conv2dTranspose(x, filter, [c.x[0], ...c.out, c.filter[2]], c.strides ?? 1, c.pad),
    ),
  ),
  kernelCase(
    "28x28 to 7x7",
    "Conv2D Elu",
    [float(1, 28, 28, 1), between(-0.5, 0.5, 3, 3, 1, 2), between(-0.5, 0.5, 3, 3, 2, 2)],
    downwards,
    {
      secondOrder: false,
    },
  ),
  kernelCase(
    "7x7 to 28x28",
    "Conv2DBackpropInput Elu",
    [float(1, 7, 7, 2), between(-0.5, 0.5, 4, 4, 2, 2), between(-0.5, 0.5, 3, 3, 1, 2)],
    upwards,
    {
      secondOrder: false,
    },
  ),
  kernelCase(
    "separableConv2d",
    "DepthwiseConv2dNative Conv2D",
    [float(1, 4, 4, 2), float(3, 3, 2, 1), float(1, 1, 2, 3)],
    (x, d, p) => tf.separableConv2d(x, d, p, 1, "same"),
  ),
  kernelCase("conv1d", "Conv2D Reshape", [float(2, 6, 2), float(3, 2, 3)], (x, filter) =>
    tf.conv1d(x, filter, 1, "same"),
  ),
  kernelCase("causal dilated conv1d", "PadV2 Conv2D", [float(1, 7, 2), float(2, 2, 2)], (x, filter) =>
    tf.conv1d(
      tf.pad(x, [
        [0, 0],
        [2, 0],
        [0, 0],
      ]),
      filter,
      1,
      "valid",
      "NWC",
      2,
    ),
  ),
  kernelCase("Conv2D with channels first", "Conv2D", [float(1, 2, 5, 4), float(3, 3, 2, 3)], (x, filter) =>
    tf.conv2d(x, filter, 1, "same", "NCHW"),
  ),
  kernelCase("Conv2DBackpropFilter", "Conv2DBackpropFilter", [float(1, 6, 5, 2), float(1, 3, 3, 3)], (x, dy) =>
    runKernel("Conv2DBackpropFilter", { x, dy }, { ...attrs2d, filterShape: [3, 3, 2, 3] }),
  ),
  kernelCase(
    "DepthwiseConv2dNativeBackpropInput",
    "DepthwiseConv2dNativeBackpropInput",
    [float(1, 3, 3, 4), float(3, 3, 2, 2)],
    (dy, filter) =>
      runKernel("DepthwiseConv2dNativeBackpropInput", { dy, filter }, { ...attrs2d, inputShape: [1, 6, 5, 2] }),
  ),
  kernelCase(
    "DepthwiseConv2dNativeBackpropFilter",
    "DepthwiseConv2dNativeBackpropFilter",
    [float(1, 6, 5, 2), float(1, 3, 3, 4)],
    (x, dy) => runKernel("DepthwiseConv2dNativeBackpropFilter", { x, dy }, { ...attrs2d, filterShape: [3, 3, 2, 2] }),
  ),
  kernelCase(
    "FusedConv2D",
    "FusedConv2D",
    [float(1, 4, 4, 2), float(3, 3, 2, 3), float(3)],
    fused("FusedConv2D", "relu"),
    VALUES_ONLY,
  ),
  kernelCase(
    "FusedConv2D without bias",
    "FusedConv2D",
    [float(1, 4, 4, 2), float(3, 3, 2, 3)],
    fused("FusedConv2D", "linear"),
    VALUES_ONLY,
  ),
  kernelCase(
    "FusedDepthwiseConv2D",
    "FusedDepthwiseConv2D",
    [float(1, 4, 4, 2), float(3, 3, 2, 2), float(4)],
    fused("FusedDepthwiseConv2D", "elu"),
    VALUES_ONLY,
  ),
  kernelCase("conv3d", "Conv3D", [float(1, 3, 3, 4, 2), float(2, 2, 2, 2, 2)], (x, filter) =>
    tf.conv3d(x, filter, 1, "same"),
  ),
  kernelCase("conv3d with stride 2", "Conv3D", [float(1, 4, 3, 4, 1), float(3, 2, 3, 1, 2)], (x, filter) =>
    tf.conv3d(x, filter, 2, "valid"),
  ),
  kernelCase("conv3dTranspose", "Conv3DBackpropInputV2", [float(1, 2, 2, 2, 2), float(2, 2, 2, 1, 2)], (x, filter) =>
    tf.conv3dTranspose(x, filter, [1, 4, 4, 4, 1], 2, "same"),
  ),
  kernelCase(
    "Conv3DBackpropFilterV2",
    "Conv3DBackpropFilterV2",
    [float(1, 3, 3, 3, 1), float(1, 2, 2, 2, 2)],
    (x, dy) =>
      runKernel("Conv3DBackpropFilterV2", { x, dy }, { strides: 1, pad: "valid", filterShape: [2, 2, 2, 1, 2] }),
  ),
];
