import {
  createLowerings,
  type Lowering as EngineLowering,
  type Call as LoweringCall,
  registerShared,
} from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import type { OnnxBuilder } from "./builder.js";
import { WORDS } from "./random.js";

/** What a lowering sees of one node of the graph. */
export type Call = LoweringCall<OnnxValue>;

/** Writes one kernel call as ONNX nodes. */
export type Lowering = EngineLowering<OnnxBuilder, OnnxValue>;

const lowerings = createLowerings<OnnxBuilder, OnnxValue>("onnx");

/** Declares how kernels become ONNX nodes. */
export const registerLowering = lowerings.register;

/** The lowering of a kernel. @throws UnsupportedKernelError when there is none. */
export const loweringOf = lowerings.of;

/** Every kernel that has a lowering. */
export const loweredKernels = lowerings.kernels;

registerShared(lowerings.register, WORDS);
