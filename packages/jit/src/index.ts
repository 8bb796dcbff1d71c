import "./kernels/index.js";
import "./gradients/index.js";
import "./random/kernels.js";

export { Program, type ProgramFunction, type ProgramResult, type ProgramSpecs, compile, evalShape, trace, type Traced } from "./compile.js";
export { type Composite, allComposites, compositeOf, defineComposite } from "./composite.js";
export { eager } from "./eager.js";
export type { Engine, EngineCapabilities, Executable, Store } from "./engine.js";
export { TraceError, UnsupportedKernelError, UserError } from "./errors.js";
export { stopGradient } from "./gradients/stop-gradient.js";
export { type Attrs, type Graph, type GraphNode, type GraphPort, type GraphState, KEY_INPUT, type ValueId, graphResults } from "./graph.js";
export {
  type DType,
  type DTypeArrays,
  type HostTensor,
  type TensorSpec,
  allocate,
  formatSpec,
  hostTensor,
  sameSpec,
  sizeOf,
} from "./host-tensor.js";
export { type Jitted, jit } from "./jit.js";
export * from "./ops/index.js";
export { optimize } from "./passes/index.js";
export { hostKey } from "./random/host-key.js";
export { type FedRandom, type HostRandom, hostRandom } from "./random/host-random.js";
export { type Key, fold, seedKey, split } from "./random/key.js";
export { RANDOM_KERNELS } from "./random/kernels.js";
export { foldWords, keyWords, philoxBits, philoxNormal, philoxPermutation, philoxUniform } from "./random/philox.js";
export { bernoulli, categorical, gumbel, normal, permutation, randomInteger, truncatedNormal, uniform } from "./random/sample.js";
export { HostStore, missingPath } from "./store.js";
export { isTracing } from "./trace.js";
export { type Tree, flatten, forEachLeaf, mapTree, unflatten } from "./tree.js";
