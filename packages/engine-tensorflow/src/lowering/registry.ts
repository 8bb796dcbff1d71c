import { createLowerings, type Call as LoweringCall, registerShared } from "@latentkit/jit/lowering";
import type { GraphBuilder, TfValue } from "./builder.js";
import { WORDS } from "./random.js";

/** What a lowering sees of one node of the graph. */
export type Call = LoweringCall<TfValue>;

const lowerings = createLowerings<GraphBuilder, TfValue>("tensorflow");

/** Declares how kernels become TensorFlow operations. */
export const registerLowering = lowerings.register;

/** The lowering of a kernel. @throws UnsupportedKernelError when there is none. */
export const loweringOf = lowerings.of;

/** Every kernel that has a lowering. */
export const loweredKernels = lowerings.kernels;

registerShared(lowerings.register, WORDS);
