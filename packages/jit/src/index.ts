import "./kernels/index.js";
import "./gradients/index.js";
import "./random/kernels.js";

export {
  compile,
  evalShape,
  Program,
  type ProgramFunction,
  type ProgramResult,
  type ProgramSpecs,
  type Traced,
  trace,
} from "./compile.js";
export { allComposites, type Composite, compositeOf, defineComposite } from "./composite.js";
export { eager } from "./eager.js";
export type { Engine, EngineCapabilities, Executable, Store } from "./engine.js";
export { TraceError, UnsupportedKernelError, UserError } from "./errors.js";
export { stopGradient } from "./gradients/stop-gradient.js";
export {
  type Attrs,
  type Graph,
  type GraphNode,
  type GraphPort,
  type GraphState,
  graphResults,
  KEY_INPUT,
  type ValueId,
} from "./graph.js";
export {
  allocate,
  type DType,
  type DTypeArrays,
  formatSpec,
  type HostTensor,
  hostTensor,
  sameSpec,
  sizeOf,
  type TensorSpec,
} from "./host-tensor.js";
export { type Jitted, jit } from "./jit.js";
export * from "./ops/index.js";
export { optimize } from "./passes/index.js";
export { hostKey } from "./random/host-key.js";
export { type FedRandom, type HostRandom, hostRandom } from "./random/host-random.js";
export { RANDOM_KERNELS } from "./random/kernels.js";
export { fold, type Key, seedKey, split } from "./random/key.js";
export { foldWords, keyWords, philoxBits, philoxNormal, philoxPermutation, philoxUniform } from "./random/philox.js";
export {
  bernoulli,
  categorical,
  gumbel,
  normal,
  permutation,
  randomInteger,
  truncatedNormal,
  uniform,
} from "./random/sample.js";
export { HostStore, missingPath } from "./store.js";
export { isTracing } from "./trace.js";
export { flatten, forEachLeaf, mapTree, type Tree, unflatten } from "./tree.js";
