import { alongAxis, asFloat, type Geometry, POOLINGS, product, range } from "@latentkit/jit/lowering";
import type { OnnxType, OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { channelsFirst, channelsLast } from "./convolution.js";
import { registerLowering } from "./registry.js";

const windowAttributes = (g: Geometry) => ({
  kernel_shape: g.window,
  strides: g.stride,
  pads: [...g.before, ...g.after],
});

for (const [suffix, geometryOf] of POOLINGS) {
  registerLowering(`AvgPool${suffix}`, (b, call) => {
    const x = asFloat(b, call.input("x"));
    const g = geometryOf(call, x.shape);
    const shape = [x.shape[0] as number, x.shape.at(-1) as number, ...g.outSize];
    return b.cast(
      channelsLast(b, b.op("AveragePool", [channelsFirst(b, x)], shape, x.type, { attributes: windowAttributes(g) })),
      call.out().dtype,
    );
  });

  registerLowering(`MaxPool${suffix}`, (b, call) => {
    const x = asFloat(b, call.input("x"));
    const g = geometryOf(call, x.shape);
    const shape = [x.shape[0] as number, x.shape.at(-1) as number, ...g.outSize];
    return b.cast(
      channelsLast(b, b.op("MaxPool", [channelsFirst(b, x)], shape, x.type, { attributes: windowAttributes(g) })),
      call.out().dtype,
    );
  });

  registerLowering(`AvgPool${suffix}Grad`, (b, call) => {
    const g = geometryOf(call, call.input("input").shape);
    const share = b.by("Mul", call.input("dy"), 1 / product(g.window));
    return g.inSize.reduce((dx, _, i) => alongAxis(b, dx, i + 1, coverage(g, i)), share);
  });

  registerLowering(`MaxPool${suffix}Grad`, (b, call) =>
    maxGradient(b, call.input("input"), call.input("dy"), geometryOf(call, call.input("input").shape)),
  );
}

/** Which windows cover which pixels along one spatial axis: `(inSize, outSize)` of ones and zeros. */
function coverage(g: Geometry, axis: number): number[][] {
  const [stride, before, window] = [g.stride[axis] as number, g.before[axis] as number, g.window[axis] as number];
  return range(g.inSize[axis] as number).map((pixel) =>
    range(g.outSize[axis] as number).map((out) => {
      const offset = pixel - (out * stride - before);
      return offset >= 0 && offset < window ? 1 : 0;
    }),
  );
}

/** Each window's gradient goes to its first maximum; `MaxPool` says where that is, as positions in `(N, C, …space)`. */
function maxGradient(b: OnnxBuilder, x: OnnxValue, dy: OnnxValue, g: Geometry): OnnxValue {
  const image = channelsFirst(b, x);
  const shape = [x.shape[0] as number, x.shape.at(-1) as number, ...g.outSize];
  const specs = [
    { shape, type: "float32" as OnnxType },
    { shape, type: "int64" as OnnxType },
  ];
  const [, positions] = b.multi("MaxPool", [image], specs, { attributes: windowAttributes(g) }) as [
    OnnxValue,
    OnnxValue,
  ];
  const [size, count] = [product(image.shape), product(shape)];
  const inputs = [b.filled(0, [size]), b.reshape(positions, [count]), b.reshape(channelsFirst(b, dy), [count])];
  const dx = b.op("ScatterElements", inputs, [size], "float32", { attributes: { axis: 0, reduction: "add" } });
  return channelsLast(b, b.reshape(dx, image.shape));
}
