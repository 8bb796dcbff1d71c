import { asFloat, type Geometry, POOLINGS, product, range } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { padded, stridesOf, unpadded } from "./convolution.js";
import { registerLowering } from "./registry.js";

/** Every window lies inside the image: padding has become part of it. */
const attributesOf = (g: Geometry) => ({ ...stridesOf(g), ksize: { ints: [1, ...g.window, 1] }, padding: "VALID" });

const outShape = (x: TfValue, g: Geometry): number[] => [x.shape[0] as number, ...g.outSize, x.shape.at(-1) as number];

for (const [suffix, geometryOf] of POOLINGS) {
  registerLowering(`AvgPool${suffix}`, (b, call) => {
    const x = asFloat(b, call.input("x"));
    const g = geometryOf(call, x.shape);
    const mean = b.op(`AvgPool${suffix}`, [padded(b, x, g)], outShape(x, g), x.type, attributesOf(g));
    return b.cast(b.mul(mean, overPixels(b, g)), call.out().dtype);
  });

  registerLowering(`MaxPool${suffix}`, (b, call) => {
    const x = asFloat(b, call.input("x"));
    const g = geometryOf(call, x.shape);
    return b.cast(maxPool(b, suffix, x, g).y, call.out().dtype);
  });

  registerLowering(`AvgPool${suffix}Grad`, (b, call) => {
    const dy = call.input("dy");
    const input = call.input("input");
    const g = geometryOf(call, input.shape);
    const size = g.inSize.map((n, i) => n + (g.before[i] as number) + (g.after[i] as number));
    const shape = [input.shape[0] as number, ...size, input.shape.at(-1) as number];
    const dx = b.op(`AvgPool${suffix}Grad`, [b.ints(shape), dy], shape, dy.type, attributesOf(g));
    return unpadded(b, dx, g);
  });

  registerLowering(`MaxPool${suffix}Grad`, (b, call) => {
    const [x, dy] = [call.input("input"), call.input("dy")];
    const g = geometryOf(call, x.shape);
    const { image, y } = maxPool(b, suffix, x, g);
    const dx = b.op(`MaxPool${suffix}Grad`, [image, y, dy], image.shape, x.type, attributesOf(g));
    return unpadded(b, dx, g);
  });
}

/** Maxima of all windows, and the image they were found in: padded with what is below everything. */
function maxPool(b: GraphBuilder, suffix: string, x: TfValue, g: Geometry): { image: TfValue; y: TfValue } {
  const image = padded(b, x, g, Number.NEGATIVE_INFINITY);
  return { image, y: b.op(`MaxPool${suffix}`, [image], outShape(x, g), x.type, attributesOf(g)) };
}

/** Size of a window over the number of its pixels inside the image, for every window, `(1, …outSize, 1)`. */
function overPixels(b: GraphBuilder, g: Geometry): TfValue {
  const counts = g.inSize.map((size, axis) =>
    range(g.outSize[axis] as number).map((out) => {
      const start = out * (g.stride[axis] as number) - (g.before[axis] as number);
      return Math.min(start + (g.window[axis] as number), size) - Math.max(start, 0);
    }),
  );
  const inside = counts.reduce<number[]>((all, along) => all.flatMap((n) => along.map((m) => n * m)), [1]);
  const ratios = inside.map((n) => product(g.window) / n);
  return ratios.every((ratio) => ratio === 1) ? b.scalar(1) : b.constant(ratios, [1, ...g.outSize, 1]);
}
