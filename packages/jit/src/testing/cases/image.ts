import * as tf from "@tensorflow/tfjs-core";
import { runKernel } from "../../gradients/run-kernel.js";
import { between, float, kernelCase } from "./case.js";

type Pad = number | "same" | "valid" | [[number, number], [number, number], [number, number], [number, number]];

/** Pooling geometry: size, window, stride, padding. */
const POOLS: Readonly<
  Record<
    string,
    { size: [number, number]; window: number | [number, number]; stride: number | [number, number]; pad: Pad }
  >
> = {
  "2x2": { size: [4, 4], window: 2, stride: 2, pad: "valid" },
  "2x2 of odd size, valid": { size: [5, 5], window: 2, stride: 2, pad: "valid" },
  "2x2 of odd size, same": { size: [5, 5], window: 2, stride: 2, pad: "same" },
  "3x3 overlapping, same": { size: [5, 4], window: 3, stride: 2, pad: "same" },
  "3x3 with stride 1, same": { size: [4, 4], window: 3, stride: 1, pad: "same" },
  "3x2, valid": { size: [6, 5], window: [3, 2], stride: [2, 1], pad: "valid" },
  "3x3 padded by 1": { size: [6, 5], window: 3, stride: 2, pad: 1 },
  "explicitly padded": {
    size: [4, 5],
    window: 2,
    stride: 2,
    pad: [
      [0, 0],
      [1, 1],
      [0, 1],
      [0, 0],
    ],
  },
  "1x1": { size: [3, 3], window: 1, stride: 1, pad: "valid" },
  "the whole image": { size: [3, 4], window: [3, 4], stride: 1, pad: "valid" },
};

/** Source and target sizes. */
const SIZES: readonly [from: [number, number], to: [number, number]][] = [
  [
    [2, 3],
    [4, 6],
  ],
  [
    [4, 4],
    [2, 2],
  ],
  [
    [3, 5],
    [7, 4],
  ],
  [
    [1, 1],
    [3, 2],
  ],
  [
    [4, 3],
    [1, 1],
  ],
];

const MODES = [
  [false, false],
  [true, false],
  [false, true],
] as const;

const resizes = SIZES.flatMap(([from, to]) =>
  MODES.flatMap(([alignCorners, halfPixelCenters]) => {
    const label = `${from.join("x")} to ${to.join("x")}${alignCorners ? ", corners aligned" : ""}${halfPixelCenters ? ", half pixel centres" : ""}`;
    const images = float(2, ...from, 2);
    return [
      kernelCase(`resizeBilinear ${label}`, "ResizeBilinear", [images], (x) =>
        tf.image.resizeBilinear(x, to, alignCorners, halfPixelCenters),
      ),
      kernelCase(`resizeNearestNeighbor ${label}`, "ResizeNearestNeighbor", [images], (x) =>
        tf.image.resizeNearestNeighbor(x, to, alignCorners, halfPixelCenters),
      ),
    ];
  }),
);

const pools = Object.entries(POOLS).flatMap(([name, { size, window, stride, pad }]) => {
  const rounding = typeof pad === "string" ? undefined : ("floor" as const);
  const image = between(-4, 4, 1, ...size, 2);
  const grad = { filterSize: window, strides: stride, pad: pad, dimRoundingMode: rounding };
  const windows = tf.backend_util.computePool2DInfo([1, ...size, 2], window, stride, 1, pad, rounding).outShape;
  return [
    kernelCase(`avgPool ${name}`, "AvgPool", [image], (x) => tf.avgPool(x, window, stride, pad, rounding)),
    kernelCase(`maxPool ${name}`, "MaxPool", [image], (x) => tf.maxPool(x, window, stride, pad, rounding)),
    kernelCase(
      `maxPool gradient ${name}`,
      "MaxPool MaxPoolGrad",
      [image, float(...windows)],
      (x, dy) => runKernel("MaxPoolGrad", { dy, input: x, output: tf.maxPool(x, window, stride, pad, rounding) }, grad),
      { differentiable: [1], secondOrder: false },
    ),
  ];
});

/** Depth, height, width pooled by 2. */
const pool3d = (op: typeof tf.avgPool3d) => (x: tf.Tensor5D) => op(x, 2, 2, "valid");

export const imageCases = [
  ...pools,
  kernelCase(
    "maxPool with ties",
    "MaxPool MaxPoolGrad",
    [{ ...float(1, 4, 4, 1), values: [0, 0, 1, 1, 0, 0, 1, 1, 2, 0, 0, 0, 0, 2, 0, 0] }, float(1, 2, 2, 1)],
    (x, dy) =>
      runKernel(
        "MaxPoolGrad",
        { dy, input: x, output: tf.maxPool(x, 2, 2, "valid") },
        { filterSize: 2, strides: 2, pad: "valid" },
      ),
    { differentiable: [1], secondOrder: false },
  ),
  kernelCase(
    "AvgPoolGrad",
    "AvgPoolGrad",
    [float(1, 2, 2, 2), float(1, 5, 4, 2)],
    (dy, input) => runKernel("AvgPoolGrad", { dy, input }, { filterSize: 2, strides: 2, pad: "valid" }),
    { differentiable: [0] },
  ),
  kernelCase(
    "AvgPoolGrad padded",
    "AvgPoolGrad",
    [float(1, 3, 2, 2), float(1, 5, 4, 2)],
    (dy, input) => runKernel("AvgPoolGrad", { dy, input }, { filterSize: 2, strides: 2, pad: "same" }),
    { differentiable: [0] },
  ),
  kernelCase("avgPool3d", "AvgPool3D", [float(1, 4, 4, 2, 2)], pool3d(tf.avgPool3d), { secondOrder: false }),
  kernelCase("maxPool3d", "MaxPool3D", [between(-4, 4, 1, 4, 2, 4, 2)], pool3d(tf.maxPool3d), { secondOrder: false }),
  kernelCase(
    "AvgPool3DGrad",
    "AvgPool3DGrad",
    [float(1, 2, 2, 1, 2), float(1, 4, 4, 2, 2)],
    (dy, input) => runKernel("AvgPool3DGrad", { dy, input }, { filterSize: 2, strides: 2, pad: "valid" }),
    { differentiable: false },
  ),
  kernelCase(
    "MaxPool3DGrad",
    "MaxPool3D MaxPool3DGrad",
    [float(1, 2, 1, 2, 2), between(-4, 4, 1, 4, 2, 4, 2)],
    (dy, x) =>
      runKernel(
        "MaxPool3DGrad",
        { dy, input: x, output: tf.maxPool3d(x, 2, 2, "valid") },
        { filterSize: 2, strides: 2, pad: "valid" },
      ),
    { differentiable: false },
  ),
  ...resizes,
  ...([false, true] as const).flatMap((alignCorners) => [
    kernelCase(
      `ResizeBilinearGrad${alignCorners ? ", corners aligned" : ""}`,
      "ResizeBilinearGrad",
      [float(1, 3, 3, 2), float(1, 5, 4, 2)],
      (images, dy) =>
        runKernel("ResizeBilinearGrad", { images, dy }, { alignCorners, halfPixelCenters: false, size: [5, 4] }),
      { differentiable: [1] },
    ),
    kernelCase(
      `ResizeNearestNeighborGrad${alignCorners ? ", corners aligned" : ""}`,
      "ResizeNearestNeighborGrad",
      [float(1, 3, 3, 2), float(1, 6, 6, 2)],
      (images, dy) =>
        runKernel("ResizeNearestNeighborGrad", { images, dy }, { alignCorners, halfPixelCenters: false, size: [6, 6] }),
      { differentiable: [1] },
    ),
  ]),
  kernelCase("depthToSpace", "DepthToSpace", [float(2, 2, 3, 8)], (x) => tf.depthToSpace(x, 2, "NHWC")),
  kernelCase("depthToSpace by 3", "DepthToSpace", [float(1, 1, 2, 9)], (x) => tf.depthToSpace(x, 3, "NHWC")),
  kernelCase("spaceToBatchND", "SpaceToBatchND", [float(2, 3, 4, 2)], (x) =>
    tf.spaceToBatchND(
      x,
      [2, 2],
      [
        [1, 0],
        [0, 2],
      ],
    ),
  ),
  kernelCase("spaceToBatchND of one dimension", "SpaceToBatchND", [float(1, 6)], (x) =>
    tf.spaceToBatchND(x, [3], [[0, 0]]),
  ),
  kernelCase("batchToSpaceND", "BatchToSpaceND", [float(8, 2, 2, 1)], (x) =>
    tf.batchToSpaceND(
      x,
      [2, 2],
      [
        [0, 1],
        [1, 0],
      ],
    ),
  ),
];
