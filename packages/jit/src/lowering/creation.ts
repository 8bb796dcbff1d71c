import type { DType } from "../host-tensor.js";
import { range } from "./axes.js";
import type { KernelBuilder, LoweredValue } from "./kernel-builder.js";
import type { Register } from "./registry.js";

/** Declares the kernels that make tensors of known values. */
export function registerCreation<V extends LoweredValue>(register: Register<KernelBuilder<V>, V>): void {
  register("Fill", (b, { attr, out }) => b.filled(Number(attr<number | boolean>("value")), out().shape, out().dtype));
  register("ZerosLike", (b, { out }) => b.filled(0, out().shape, out().dtype));
  register("OnesLike", (b, { out }) => b.filled(1, out().shape, out().dtype));

  const counted = (n: number, start: number, step: number) => range(n).map((i) => start + i * step);
  register("Range", (b, { attr, out }) => {
    const [n] = out().shape as [number];
    const [start, stop] = [attr<number>("start"), attr<number>("stop")];
    const step = stop < start && attr<number>("step") === 1 ? -1 : attr<number>("step");
    return b.constant(counted(n, start, step), [n], attr<DType>("dtype"));
  });
  register("LinSpace", (b, { attr, out }) => {
    const [n] = out().shape as [number];
    const [start, stop] = [attr<number>("start"), attr<number>("stop")];
    return b.constant(counted(n, start, (stop - start) / Math.max(1, n - 1)), [n]);
  });
}
