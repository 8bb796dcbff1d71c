export { countUses, producersOf } from "../graph.js";
export { sameShape } from "../host-tensor.js";
export { removeDeadCode } from "../passes/dead-code.js";
export { inlineComposites } from "../passes/inline-composites.js";
export { axesOf, fromFront, inversePermutation, product, range } from "./axes.js";
export { type ElementArrays, type ElementType, elementsOf, SharedConstants, SMALL_CONSTANT } from "./elements.js";
export { asFloat, fromFloat, inNumbers, numeric, prelu } from "./elementwise.js";
export {
  conv2dGeometry,
  conv3dGeometry,
  type Geometry,
  isCentred,
  isPointwise,
  POOLINGS,
  spanOf,
  tapsOf,
} from "./geometry.js";
export { type ElementwiseKernel, type KernelBuilder, type LoweredValue, typeAfter } from "./kernel-builder.js";
export { scattered } from "./layout.js";
export type { Words } from "./philox.js";
export { reduced } from "./reduction.js";
export {
  type Call,
  callOf,
  checkLowered,
  createLowerings,
  type Lowering,
  type Lowerings,
  type Register,
} from "./registry.js";
export { alongAxis } from "./resize.js";
export {
  nearestIndices,
  type Reads,
  readsMatrix,
  type Sampling,
  samplingOf,
  transposed,
} from "./sampling.js";
export {
  broadcastShape,
  concatShape,
  gatheredShape,
  paddedShape,
  reducedShape,
  splitShapes,
} from "./shapes.js";
export { registerShared } from "./shared.js";
