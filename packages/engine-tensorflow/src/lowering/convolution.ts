import {
  conv2dGeometry,
  conv3dGeometry,
  type Geometry,
  inversePermutation,
  isCentred,
  isPointwise,
  product,
  range,
  spanOf,
} from "@latentkit/jit/lowering";
import { activate } from "./activation.js";
import type { GraphBuilder, TfValue } from "./builder.js";
import { type Call, registerLowering } from "./registry.js";

/** A convolution's operations for two or three spatial axes, channels last. */
interface Operations {
  readonly forward: string;
  /** Of the sizes of the input, the filter and dy. */
  readonly inputGradient: string;
  /** Of the input, the sizes of the filter and dy. */
  readonly filterGradient: string;
}

const DENSE: Readonly<Record<number, Operations>> = {
  2: { forward: "Conv2D", inputGradient: "Conv2DBackpropInput", filterGradient: "Conv2DBackpropFilter" },
  3: { forward: "Conv3D", inputGradient: "Conv3DBackpropInputV2", filterGradient: "Conv3DBackpropFilterV2" },
};

const DEPTHWISE: Operations = {
  forward: "DepthwiseConv2dNative",
  inputGradient: "DepthwiseConv2dNativeBackpropInput",
  filterGradient: "DepthwiseConv2dNativeBackpropFilter",
};

/** Whether TensorFlow's `SAME` pads as the geometry says. */
function isSame(g: Geometry): boolean {
  return g.inSize.every((size, i) => {
    const [stride, out] = [g.stride[i] as number, g.outSize[i] as number];
    const total = Math.max(0, (out - 1) * stride + spanOf(g, i) - size);
    return out === Math.ceil(size / stride) && g.before[i] === total >> 1 && g.after[i] === total - (total >> 1);
  });
}

const isUnpadded = (g: Geometry): boolean => [...g.before, ...g.after].every((n) => n === 0);

/** The geometry with its padding part of the image, unless TensorFlow can pad itself. */
function settle(g: Geometry): { padding: "SAME" | "VALID"; padded: boolean; size: number[] } {
  if (isUnpadded(g)) return { padding: "VALID", padded: false, size: [...g.inSize] };
  if (isSame(g)) return { padding: "SAME", padded: false, size: [...g.inSize] };
  const size = g.inSize.map((n, i) => n + (g.before[i] as number) + (g.after[i] as number));
  return { padding: "VALID", padded: true, size };
}

/** Strides for all axes of `(N, …space, C)`. */
export const stridesOf = (g: Geometry) => ({ strides: { ints: [1, ...g.stride, 1] } });

/** The image with the padding that TensorFlow cannot do itself. */
export function padded(b: GraphBuilder, x: TfValue, g: Geometry, value = 0): TfValue {
  return b.pad(x, [0, ...g.before, 0], [0, ...g.after, 0], value);
}

/** Cuts the padding off. */
export function unpadded(b: GraphBuilder, x: TfValue, g: Geometry): TfValue {
  return b.slice(x, [0, ...g.before, 0], [x.shape[0] as number, ...g.inSize, x.shape.at(-1) as number]);
}

const isDilated = (g: Geometry): boolean => g.dilation.some((n) => n > 1);

/** A filter with zeros between its taps: the same convolution without dilation, which gradients and depthwise convolutions lack on CPU. */
function spreadOut(b: GraphBuilder, filter: TfValue, g: Geometry): TfValue {
  const channels = filter.shape.slice(-2);
  const taps = b.reshape(filter, [...g.window.flatMap((size) => [size, 1]), ...channels]);
  const gaps = [...g.dilation.flatMap((n) => [0, n - 1]), 0, 0];
  const spread = b.pad(
    taps,
    gaps.map(() => 0),
    gaps,
  );
  const whole = b.reshape(spread, [...g.window.map((size, i) => size * (g.dilation[i] as number)), ...channels]);
  return b.slice(
    whole,
    whole.shape.map(() => 0),
    [...g.window.map((_, i) => spanOf(g, i)), ...channels],
  );
}

/** The geometry of a filter that was spread out. */
const spreadGeometry = (g: Geometry): Geometry => ({
  ...g,
  window: g.window.map((_, i) => spanOf(g, i)),
  dilation: g.dilation.map(() => 1),
});

function forward(b: GraphBuilder, { forward: op }: Operations, x: TfValue, filter: TfValue, g: Geometry): TfValue {
  if (isDilated(g) && op !== "Conv2D")
    return forward(b, { forward: op } as Operations, x, spreadOut(b, filter, g), spreadGeometry(g));
  const { padding, padded: pads } = settle(g);
  const channels = op === DEPTHWISE.forward ? product(filter.shape.slice(-2)) : (filter.shape.at(-1) as number);
  const image = b.rounded(pads ? padded(b, x, g) : x);
  const attributes = { ...stridesOf(g), padding, dilations: { ints: [1, ...g.dilation, 1] } };
  const y = b.op(
    op,
    [image, b.rounded(filter)],
    [x.shape[0] as number, ...g.outSize, channels],
    image.type,
    attributes,
  );
  return b.cast(y, x.type);
}

/** Whether an input's gradient is a convolution of the same geometry: oneDNN's own operation for it is up to 1.8 times slower. */
const isTurnable = (ops: Operations, g: Geometry): boolean => ops.forward === "Conv2D" && isCentred(g);

/** The filter of the input's gradient: every tap at the opposite place, its channels exchanged. */
function turned(b: GraphBuilder, filter: TfValue): TfValue {
  const opposite = b.op("ReverseV2", [filter, b.ints([0, 1])], filter.shape, filter.type);
  return b.transpose(opposite, [0, 1, 3, 2]);
}

function inputGradient(b: GraphBuilder, ops: Operations, dy: TfValue, filter: TfValue, g: Geometry): TfValue {
  if (isDilated(g)) return inputGradient(b, ops, dy, spreadOut(b, filter, g), spreadGeometry(g));
  if (isTurnable(ops, g)) return forward(b, ops, dy, turned(b, filter), g);
  const { padding, padded: pads, size } = settle(g);
  const shape = [dy.shape[0] as number, ...size, filter.shape.at(-2) as number];
  const [weights, gradient] = [b.rounded(filter), b.rounded(dy)];
  const dx = b.op(ops.inputGradient, [b.ints(shape), weights, gradient], shape, gradient.type, {
    ...stridesOf(g),
    padding,
  });
  const full = b.cast(dx, dy.type);
  return pads ? unpadded(b, full, g) : full;
}

function filterGradient(
  b: GraphBuilder,
  ops: Operations,
  x: TfValue,
  dy: TfValue,
  filterShape: readonly number[],
  g: Geometry,
): TfValue {
  if (isDilated(g)) {
    const shape = [...g.window.map((_, i) => spanOf(g, i)), ...filterShape.slice(-2)];
    const full = filterGradient(b, ops, x, dy, shape, spreadGeometry(g));
    return b.strided(
      full,
      shape.map(() => 0),
      shape,
      [...g.dilation, 1, 1],
    );
  }
  const { padding, padded: pads } = settle(g);
  const image = b.rounded(pads ? padded(b, x, g) : x);
  const inputs = [image, b.ints(filterShape), b.rounded(dy)];
  return b.cast(b.op(ops.filterGradient, inputs, filterShape, image.type, { ...stridesOf(g), padding }), x.type);
}

/** Every pixel's channels times one matrix. */
function pointwise(b: GraphBuilder, x: TfValue, filter: TfValue, transposeFilter = false): TfValue {
  const [inner, outer] = filter.shape.slice(-2) as [number, number];
  const [from, to] = transposeFilter ? [outer, inner] : [inner, outer];
  const rows = b.reshape(x, [product(x.shape) / from, from]);
  const y = b.matMul(rows, b.reshape(filter, [inner, outer]), false, transposeFilter);
  return b.reshape(y, [...x.shape.slice(0, -1), to]);
}

/** `(N, C, …space)` to `(N, …space, C)`. */
const toLast = (rank: number) => [0, ...range(rank - 2).map((i) => i + 2), 1];

/** Runs `f` on images with channels last whatever the call's layout is. */
function inLayout(
  b: GraphBuilder,
  images: readonly TfValue[],
  g: Geometry,
  f: (images: TfValue[]) => TfValue,
): TfValue {
  if (!g.channelsFirst) return f([...images]);
  const perm = toLast((images[0] as TfValue).shape.length);
  return b.transpose(f(images.map((x) => b.transpose(x, perm))), inversePermutation(perm));
}

function dense(b: GraphBuilder, x: TfValue, filter: TfValue, g: Geometry): TfValue {
  return inLayout(b, [x], g, ([image]) =>
    isPointwise(g)
      ? pointwise(b, image as TfValue, filter)
      : forward(b, DENSE[g.inSize.length] as Operations, image as TfValue, filter, g),
  );
}

function addBias(b: GraphBuilder, y: TfValue, g: Geometry, bias?: TfValue): TfValue {
  if (bias === undefined) return y;
  const channels = g.channelsFirst && bias.shape.length === 1;
  return b.add(y, channels ? b.reshape(bias, [...bias.shape, ...g.outSize.map(() => 1)]) : bias);
}

registerLowering("Conv2D", (b, call) => {
  const [x, filter] = [call.input("x"), call.input("filter")];
  return dense(b, x, filter, conv2dGeometry(call, x.shape, filter.shape, false));
});

registerLowering("FusedConv2D", (b, call) => {
  const [x, filter] = [call.input("x"), call.input("filter")];
  const g = conv2dGeometry(call, x.shape, filter.shape, false);
  return activate(b, addBias(b, dense(b, x, filter, g), g, call.optional("bias")), call);
});

registerLowering("Conv3D", (b, call) => {
  const [x, filter] = [call.input("x"), call.input("filter")];
  return dense(b, x, filter, conv3dGeometry(call, x.shape, filter.shape));
});

function denseInputGradient(b: GraphBuilder, dy: TfValue, filter: TfValue, g: Geometry): TfValue {
  const image = { ...g, channelsFirst: false };
  return inLayout(b, [dy], g, ([gradient]) =>
    isPointwise(g)
      ? pointwise(b, gradient as TfValue, filter, true)
      : inputGradient(b, DENSE[g.inSize.length] as Operations, gradient as TfValue, filter, image),
  );
}

registerLowering("Conv2DBackpropInput", (b, call) => {
  const [dy, filter] = [call.input("dy"), call.input("filter")];
  return denseInputGradient(
    b,
    dy,
    filter,
    conv2dGeometry(call, call.attr<number[]>("inputShape"), filter.shape, false),
  );
});

registerLowering("Conv3DBackpropInputV2", (b, call) => {
  const [dy, filter] = [call.input("dy"), call.input("filter")];
  return denseInputGradient(b, dy, filter, conv3dGeometry(call, call.attr<number[]>("inputShape"), filter.shape));
});

function denseFilterGradient(b: GraphBuilder, x: TfValue, dy: TfValue, g: Geometry, { attr }: Call): TfValue {
  const filterShape = attr<number[]>("filterShape");
  const perm = g.channelsFirst ? toLast(x.shape.length) : range(x.shape.length);
  const [image, gradient] = [b.transpose(x, perm), b.transpose(dy, perm)];
  if (!isPointwise(g)) return filterGradient(b, DENSE[g.inSize.length] as Operations, image, gradient, filterShape, g);
  const [inner, outer] = filterShape.slice(-2) as [number, number];
  const rows = product(image.shape) / inner;
  return b.reshape(b.matMul(b.reshape(image, [rows, inner]), b.reshape(gradient, [rows, outer]), true), filterShape);
}

registerLowering("Conv2DBackpropFilter", (b, call) => {
  const [x, dy] = [call.input("x"), call.input("dy")];
  return denseFilterGradient(b, x, dy, conv2dGeometry(call, x.shape, call.attr<number[]>("filterShape"), false), call);
});

registerLowering("Conv3DBackpropFilterV2", (b, call) => {
  const [x, dy] = [call.input("x"), call.input("dy")];
  return denseFilterGradient(b, x, dy, conv3dGeometry(call, x.shape, call.attr<number[]>("filterShape")), call);
});

/** @throws UnsupportedKernelError for strides that differ, which TensorFlow's depthwise operations do not have. */
function depthwiseGeometry(call: Call, x: readonly number[], filter: readonly number[]): Geometry {
  const g = conv2dGeometry(call, x, filter, true);
  if (g.stride[0] !== g.stride[1]) throw call.unsupported(`strides ${g.stride}; give both axes the same`);
  return g;
}

registerLowering("DepthwiseConv2dNative", (b, call) => depthwise(b, call).y);
registerLowering("FusedDepthwiseConv2D", (b, call) => {
  const { y, g } = depthwise(b, call);
  return activate(b, addBias(b, y, g, call.optional("bias")), call);
});

function depthwise(b: GraphBuilder, call: Call): { y: TfValue; g: Geometry } {
  const [x, filter] = [call.input("x"), call.input("filter")];
  const g = depthwiseGeometry(call, x.shape, filter.shape);
  return { y: forward(b, DEPTHWISE, x, filter, g), g };
}

registerLowering("DepthwiseConv2dNativeBackpropInput", (b, call) => {
  const [dy, filter] = [call.input("dy"), call.input("filter")];
  const g = depthwiseGeometry(call, call.attr<number[]>("inputShape"), filter.shape);
  return inputGradient(b, DEPTHWISE, dy, filter, g);
});

registerLowering("DepthwiseConv2dNativeBackpropFilter", (b, call) => {
  const [x, dy] = [call.input("x"), call.input("dy")];
  const filterShape = call.attr<number[]>("filterShape");
  return filterGradient(b, DEPTHWISE, x, dy, filterShape, depthwiseGeometry(call, x.shape, filterShape));
});
