export { countUses, producersOf } from "../graph.js";
export { sameShape } from "../host-tensor.js";
export { removeDeadCode } from "../passes/dead-code.js";
export { axesOf, fromFront, inversePermutation, product, range } from "./axes.js";
export { registerCreation } from "./creation.js";
export {
  conv2dGeometry,
  conv3dGeometry,
  type Geometry,
  isPointwise,
  pool2dGeometry,
  pool3dGeometry,
  spanOf,
  tapsOf,
} from "./geometry.js";
export { type Call, callOf, checkLowered, createLowerings, type Lowering, type Lowerings } from "./registry.js";
export {
  bilinearReads,
  isIdentity,
  nearestIndices,
  type Reads,
  readsMatrix,
  type Sampling,
  samplingOf,
  transposed,
} from "./sampling.js";
