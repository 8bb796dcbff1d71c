import {
  conv2dGeometry,
  conv3dGeometry,
  type Geometry,
  isPointwise,
  product,
  range,
  spanOf,
  tapsOf,
} from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import { activate } from "./activation.js";
import type { OnnxBuilder } from "./builder.js";
import { type Call, registerLowering } from "./registry.js";

/** `(N, …space, C)` to `(N, C, …space)`. */
export function channelsFirst(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  const rank = x.shape.length;
  return b.transpose(x, [0, rank - 1, ...range(rank - 2).map((i) => i + 1)]);
}

/** `(N, C, …space)` to `(N, …space, C)`. */
export function channelsLast(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  const rank = x.shape.length;
  return b.transpose(x, [0, ...range(rank - 2).map((i) => i + 2), 1]);
}

/** Filters `(…window, I, O)` as ONNX has them, `(O, I, …window)`. */
function outerFirst(b: OnnxBuilder, filter: OnnxValue): OnnxValue {
  const rank = filter.shape.length;
  return b.transpose(filter, [rank - 1, rank - 2, ...range(rank - 2)]);
}

/** Depthwise filters `(h, w, C, M)` as `(C M, 1, h, w)`. */
function depthwiseWeights(b: OnnxBuilder, filter: OnnxValue): OnnxValue {
  const [h, w, c, m] = filter.shape as [number, number, number, number];
  return b.reshape(b.transpose(filter, [2, 3, 0, 1]), [c * m, 1, h, w]);
}

const windowAttributes = (g: Geometry) => ({
  strides: g.stride,
  dilations: g.dilation,
  pads: [...g.before, ...g.after],
  kernel_shape: g.window,
});

/** x and the result as `(N, C, …space)`. */
function conv(b: OnnxBuilder, x: OnnxValue, weights: OnnxValue, g: Geometry, group = 1, bias?: OnnxValue): OnnxValue {
  const shape = [x.shape[0] as number, weights.shape[0] as number, ...g.outSize];
  const inputs = bias === undefined ? [x, weights] : [x, weights, bias];
  return b.op("Conv", inputs, shape, x.type, { attributes: { ...windowAttributes(g), group } });
}

/** A convolution in the layout of the call, with a bias that onnxruntime adds itself where its shape allows. */
function convolve(b: OnnxBuilder, x: OnnxValue, filter: OnnxValue, g: Geometry, bias?: OnnxValue): OnnxValue {
  const channels = filter.shape.at(-1) as number;
  if (isPointwise(g) && !g.channelsFirst) return addBias(b, pointwise(b, x, filter), g, bias);
  const fused = bias !== undefined && bias.shape.length === 1 && bias.shape[0] === channels ? bias : undefined;
  const y = conv(b, g.channelsFirst ? x : channelsFirst(b, x), outerFirst(b, filter), g, 1, fused);
  const shaped = g.channelsFirst ? y : channelsLast(b, y);
  return fused === undefined ? addBias(b, shaped, g, bias) : shaped;
}

/** Every pixel's channels times one matrix. */
function pointwise(b: OnnxBuilder, x: OnnxValue, filter: OnnxValue): OnnxValue {
  const [inner, outer] = filter.shape.slice(-2) as [number, number];
  const rows = b.reshape(x, [product(x.shape) / inner, inner]);
  const y = b.op("Gemm", [rows, b.reshape(filter, [inner, outer])], [rows.shape[0] as number, outer], x.type);
  return b.reshape(y, [...x.shape.slice(0, -1), outer]);
}

function addBias(b: OnnxBuilder, y: OnnxValue, g: Geometry, bias?: OnnxValue): OnnxValue {
  if (bias === undefined) return y;
  return b.add(
    y,
    g.channelsFirst && bias.shape.length === 1 ? b.reshape(bias, [...bias.shape, ...g.outSize.map(() => 1)]) : bias,
  );
}

registerLowering("Conv2D", (b, call) => {
  const [x, filter] = [call.input("x"), call.input("filter")];
  return convolve(b, x, filter, conv2dGeometry(call, x.shape, filter.shape, false));
});

registerLowering("FusedConv2D", (b, call) => {
  const [x, filter] = [call.input("x"), call.input("filter")];
  const g = conv2dGeometry(call, x.shape, filter.shape, false);
  return activate(b, convolve(b, x, filter, g, call.optional("bias")), call);
});

registerLowering("Conv3D", (b, call) => {
  const [x, filter] = [call.input("x"), call.input("filter")];
  return convolve(b, x, filter, conv3dGeometry(call, x.shape, filter.shape));
});

registerLowering("DepthwiseConv2dNative", (b, call) => depthwise(b, call));
registerLowering("FusedDepthwiseConv2D", (b, call) => activate(b, depthwise(b, call, call.optional("bias")), call));

function depthwise(b: OnnxBuilder, call: Call, bias?: OnnxValue): OnnxValue {
  const [x, filter] = [call.input("x"), call.input("filter")];
  const g = conv2dGeometry(call, x.shape, filter.shape, true);
  const y = conv(b, channelsFirst(b, x), depthwiseWeights(b, filter), g, x.shape[3] as number);
  return addBias(b, channelsLast(b, y), g, bias);
}

registerLowering("Conv2DBackpropInput", (b, call) => {
  const [dy, filter] = [call.input("dy"), call.input("filter")];
  const g = conv2dGeometry(call, call.attr<number[]>("inputShape"), filter.shape, false);
  return inputGradient(b, dy, filter, g);
});

registerLowering("Conv3DBackpropInputV2", (b, call) => {
  const [dy, filter] = [call.input("dy"), call.input("filter")];
  return inputGradient(b, dy, filter, conv3dGeometry(call, call.attr<number[]>("inputShape"), filter.shape));
});

/** The gradient by the input: with stride 1 the convolution by the turned filter, otherwise onnxruntime's transposed convolution. */
function inputGradient(b: OnnxBuilder, dy: OnnxValue, filter: OnnxValue, g: Geometry): OnnxValue {
  if (isPointwise(g) && !g.channelsFirst) return pointwise(b, dy, swapLastTwo(b, filter));
  const given = g.channelsFirst ? dy : channelsFirst(b, dy);
  const dx = g.stride.every((s) => s === 1)
    ? turnedConv(b, given, filter, g)
    : transposedConv(b, given, outerFirst(b, filter), g, 1);
  return g.channelsFirst ? dx : channelsLast(b, dx);
}

function swapLastTwo(b: OnnxBuilder, filter: OnnxValue): OnnxValue {
  const rank = filter.shape.length;
  return b.transpose(filter, [...range(rank - 2), rank - 1, rank - 2]);
}

function turnedConv(b: OnnxBuilder, dy: OnnxValue, filter: OnnxValue, g: Geometry): OnnxValue {
  const rank = filter.shape.length;
  const turned = b.reverse(filter, range(rank - 2));
  const weights = b.transpose(turned, [rank - 2, rank - 1, ...range(rank - 2)]); // (I, O, …window)
  const before = g.before.map((pad, i) => spanOf(g, i) - 1 - pad);
  const after = range(rank - 2).map(
    (i) => (g.inSize[i] as number) + spanOf(g, i) - 1 - (g.outSize[i] as number) - (before[i] as number),
  );
  const cut = [...before, ...after].some((n) => n < 0);
  if (cut) return transposedConv(b, dy, outerFirst(b, filter), g, 1);
  return conv(b, dy, weights, { ...g, inSize: g.outSize, outSize: g.inSize, before, after });
}

/** `ConvTranspose`, its result cut or padded to the size of the input. */
function transposedConv(b: OnnxBuilder, dy: OnnxValue, weights: OnnxValue, g: Geometry, group: number): OnnxValue {
  const full = g.outSize.map((out, i) => (out - 1) * (g.stride[i] as number) + spanOf(g, i));
  const padding = full.map((size, i) => size - (g.before[i] as number) - (g.inSize[i] as number)); // to cut off at the end
  const pads = [...g.before, ...padding.map((n) => Math.max(0, n))];
  const missing = padding.map((n) => Math.max(0, -n));
  const channels = (weights.shape[1] as number) * group;
  const shape = [dy.shape[0] as number, channels, ...g.inSize.map((size, i) => size - (missing[i] as number))];
  const attributes = { strides: g.stride, dilations: g.dilation, pads, kernel_shape: g.window, group };
  const dx = b.op("ConvTranspose", [dy, weights], shape, dy.type, { attributes });
  return b.pad(
    dx,
    shape.map(() => 0),
    [0, 0, ...missing],
  );
}

registerLowering("DepthwiseConv2dNativeBackpropInput", (b, call) => {
  const [dy, filter] = [call.input("dy"), call.input("filter")];
  const shape = call.attr<number[]>("inputShape");
  const g = conv2dGeometry(call, shape, filter.shape, true);
  return channelsLast(b, transposedConv(b, channelsFirst(b, dy), depthwiseWeights(b, filter), g, shape[3] as number));
});

registerLowering("Conv2DBackpropFilter", (b, call) => {
  const [x, dy] = [call.input("x"), call.input("dy")];
  const g = conv2dGeometry(call, x.shape, call.attr<number[]>("filterShape"), false);
  return g.channelsFirst
    ? filterGradient(b, channelsLast(b, x), channelsLast(b, dy), g, call)
    : filterGradient(b, x, dy, g, call);
});

registerLowering("Conv3DBackpropFilterV2", (b, call) => {
  const [x, dy] = [call.input("x"), call.input("dy")];
  return filterGradient(b, x, dy, conv3dGeometry(call, x.shape, call.attr<number[]>("filterShape")), call);
});

/** One product of all windows' pixels, `(positions, taps I)`, with dy, `(positions, O)`. Channels last. */
function filterGradient(b: OnnxBuilder, x: OnnxValue, dy: OnnxValue, g: Geometry, call: Call): OnnxValue {
  const filterShape = call.attr<number[]>("filterShape");
  const outer = filterShape.at(-1) as number;
  const positions = product(dy.shape) / outer;
  const columns = isPointwise(g) ? x : b.concat(windowPixels(b, x, g), x.shape.length - 1);
  const left = b.reshape(columns, [positions, product(columns.shape) / positions]);
  const right = b.reshape(dy, [positions, outer]);
  const shape = [left.shape[1] as number, outer];
  return b.reshape(b.op("Gemm", [left, right], shape, x.type, { attributes: { transA: 1 } }), filterShape);
}

/** For each offset in the window the pixels there, `(N, …outSize, C)`. */
function windowPixels(b: OnnxBuilder, x: OnnxValue, g: Geometry): OnnxValue[] {
  const padded = b.pad(x, [0, ...g.before, 0], [0, ...g.after, 0]);
  const axes = g.window.map((_, i) => i + 1);
  return tapsOf(g).map((tap) => {
    const starts = tap.map((t, i) => t * (g.dilation[i] as number));
    const ends = starts.map((start, i) => start + ((g.outSize[i] as number) - 1) * (g.stride[i] as number) + 1);
    return b.ranges(padded, starts, ends, axes, g.stride);
  });
}

registerLowering("DepthwiseConv2dNativeBackpropFilter", (b, call) => {
  const [x, dy] = [call.input("x"), call.input("dy")];
  const filterShape = call.attr<number[]>("filterShape");
  const [, , channels, multiplier] = filterShape as [number, number, number, number];
  const g = conv2dGeometry(call, x.shape, filterShape, true);
  const grouped = b.reshape(dy, [...dy.shape.slice(0, 3), channels, multiplier]);
  const taps = windowPixels(b, x, g).map((pixels) => {
    const products = b.mul(b.reshape(pixels, [...pixels.shape, 1]), grouped);
    return b.reduce("Sum", products, [0, 1, 2]); // (C, M)
  });
  const stacked = b.concat(
    taps.map((tap) => b.reshape(tap, [1, ...tap.shape])),
    0,
  );
  return b.reshape(stacked, filterShape);
});
