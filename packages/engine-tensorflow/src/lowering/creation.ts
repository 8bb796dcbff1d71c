import type { DType } from "@latentkit/jit";
import { range } from "@latentkit/jit/lowering";
import { registerLowering } from "./registry.js";

registerLowering("Fill", (b, { attr, out }) =>
  b.filled(Number(attr<number | boolean>("value")), out().shape, out().dtype),
);
registerLowering("ZerosLike", (b, { out }) => b.filled(0, out().shape, out().dtype));
registerLowering("OnesLike", (b, { out }) => b.filled(1, out().shape, out().dtype));

registerLowering("Range", (b, { attr, out }) => {
  const [n] = out().shape as [number];
  const [start, stop] = [attr<number>("start"), attr<number>("stop")];
  const step = stop < start && attr<number>("step") === 1 ? -1 : attr<number>("step");
  const values = range(n).map((i) => start + i * step);
  return b.constant(values, [n], attr<DType>("dtype"));
});

registerLowering("LinSpace", (b, { attr, out }) => {
  const [n] = out().shape as [number];
  const [start, stop] = [attr<number>("start"), attr<number>("stop")];
  const step = (stop - start) / Math.max(1, n - 1);
  const values = range(n).map((i) => start + i * step);
  return b.constant(values, [n]);
});
