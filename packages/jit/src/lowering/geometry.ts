import { backend_util } from "@tensorflow/tfjs-core";
import { range } from "./axes.js";
import type { Call } from "./registry.js";

/** The attributes of a kernel call. */
type Attributes = Pick<Call<unknown>, "attr">;

/** How windows lie on an image, for each spatial axis. */
export interface Geometry {
  readonly inSize: readonly number[];
  readonly outSize: readonly number[];
  readonly window: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Padding before the first pixel, and after the last so that exactly `outSize` windows fit. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Whether data come as NCHW. */
  readonly channelsFirst: boolean;
}

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

/** Geometry of a 2-D convolution. */
export function conv2dGeometry(
  { attr }: Attributes,
  x: readonly number[],
  filter: readonly number[],
  depthwise: boolean,
): Geometry {
  const format = depthwise
    ? "channelsLast"
    : backend_util.convertConv2DDataFormat(attr<"NHWC">("dataFormat") ?? "NHWC");
  const info = backend_util.computeConv2DInfo(
    [...x] as Shape4,
    [...filter] as Shape4,
    attr<number>("strides"),
    attr<number | undefined>("dilations") ?? 1,
    attr<"same">("pad"),
    attr("dimRoundingMode"),
    depthwise,
    format,
  );
  return flat(info, format === "channelsFirst");
}

/** Geometry of a 3-D convolution. */
export function conv3dGeometry({ attr }: Attributes, x: readonly number[], filter: readonly number[]): Geometry {
  const dilations = attr<number | undefined>("dilations") ?? 1;
  const info = backend_util.computeConv3DInfo(
    [...x] as Shape5,
    [...filter] as Shape5,
    attr<number>("strides"),
    dilations,
    attr<"same">("pad"),
  );
  return deep(info);
}

/** Geometry of 2-D pooling. */
function pool2dGeometry({ attr }: Attributes, x: readonly number[]): Geometry {
  const rounding = attr<undefined>("dimRoundingMode");
  const info = backend_util.computePool2DInfo(
    [...x] as Shape4,
    attr<number>("filterSize"),
    attr<number>("strides"),
    1,
    attr<"same">("pad"),
    rounding,
  );
  return flat(info, false);
}

/** Geometry of 3-D pooling. */
function pool3dGeometry({ attr }: Attributes, x: readonly number[]): Geometry {
  const rounding = attr<undefined>("dimRoundingMode");
  return deep(
    backend_util.computePool3DInfo(
      [...x] as Shape5,
      attr<number>("filterSize"),
      attr<number>("strides"),
      1,
      attr<"same">("pad"),
      rounding,
    ),
  );
}

/** The pooling kernels by what follows `MaxPool` and `AvgPool` in their names, with their geometry. */
export const POOLINGS = [
  ["", pool2dGeometry],
  ["3D", pool3dGeometry],
] as const;

function flat(info: backend_util.Conv2DInfo, channelsFirst: boolean): Geometry {
  return fitted({
    inSize: [info.inHeight, info.inWidth],
    outSize: [info.outHeight, info.outWidth],
    window: [info.filterHeight, info.filterWidth],
    stride: [info.strideHeight, info.strideWidth],
    dilation: [info.dilationHeight, info.dilationWidth],
    before: [info.padInfo.top, info.padInfo.left],
    channelsFirst,
  });
}

function deep(info: backend_util.Conv3DInfo): Geometry {
  return fitted({
    inSize: [info.inDepth, info.inHeight, info.inWidth],
    outSize: [info.outDepth, info.outHeight, info.outWidth],
    window: [info.filterDepth, info.filterHeight, info.filterWidth],
    stride: [info.strideDepth, info.strideHeight, info.strideWidth],
    dilation: [info.dilationDepth, info.dilationHeight, info.dilationWidth],
    before: [info.padInfo.front, info.padInfo.top, info.padInfo.left],
    channelsFirst: false,
  });
}

function fitted(g: Omit<Geometry, "after">): Geometry {
  const after = range(g.inSize.length).map((i) => {
    const covered =
      ((g.outSize[i] as number) - 1) * (g.stride[i] as number) +
      ((g.window[i] as number) - 1) * (g.dilation[i] as number) +
      1;
    return Math.max(0, covered - (g.inSize[i] as number) - (g.before[i] as number));
  });
  return { ...g, after };
}

/** Number of pixels that a window spans along an axis. */
export function spanOf(g: Geometry, i: number): number {
  return ((g.window[i] as number) - 1) * (g.dilation[i] as number) + 1;
}

/** A window of one pixel that visits every pixel: the same as a matrix product over channels. */
export function isPointwise(g: Geometry): boolean {
  return [...g.window, ...g.stride].every((n) => n === 1) && [...g.before, ...g.after].every((n) => n === 0);
}

/** Offsets of all pixels of a window, row by row. */
export function tapsOf(g: Geometry): number[][] {
  return g.window.reduce<number[][]>((taps, size) => taps.flatMap((tap) => range(size).map((i) => [...tap, i])), [[]]);
}

/** Whether windows of odd size lie around every pixel, so that the result is as large as the image. */
export function isCentred(g: Geometry): boolean {
  return (
    g.stride.every((n) => n === 1) &&
    g.window.every((size, i) => g.before[i] === g.after[i] && 2 * (g.before[i] as number) === size - 1)
  );
}
