export type { Base } from "./bases/base.js";
export { mixtureBase } from "./bases/mixture.js";
export { normalBase } from "./bases/normal.js";
export { type FlowConfig, type FlowSampleOptions, flowConfig, flowSampleOptions } from "./config.js";
export type { Continuous, Dequantization } from "./dequantize.js";
export {
  createFlow,
  type Flow,
  type FlowParams,
  type FlowState,
  logLikelihood,
  sampleAndLogProb,
  wireFlow,
} from "./model.js";
export type { Conditioner } from "./networks/conditioner.js";
export { type GatedConvOptions, gatedConv } from "./networks/gated-conv.js";
export { madeNetwork } from "./networks/made.js";
export { type ResidualMlpOptions, residualMlp } from "./networks/residual-mlp.js";
export { flow, flowPlugin, glow, nsf } from "./plugin.js";
export { actnorm } from "./transforms/actnorm.js";
export { autoregressive } from "./transforms/autoregressive.js";
export { type CausalTransformerOptions, causalTransformer } from "./transforms/causal-transformer.js";
export { chain, inverse, repeat } from "./transforms/chain.js";
export { checkerboardCoupling, coupling } from "./transforms/coupling.js";
export { additive, affine, type Elementwise, type MappedValues } from "./transforms/elementwise.js";
export { type LinearOptions, linear } from "./transforms/linear.js";
export { logit } from "./transforms/logit.js";
export { marginal } from "./transforms/marginal.js";
export { patches } from "./transforms/patches.js";
export { permute } from "./transforms/permute.js";
export { rationalQuadraticSpline, type SplineOptions } from "./transforms/spline.js";
export { split } from "./transforms/split.js";
export { flattened, squeeze } from "./transforms/squeeze.js";
export type { Mapped, Scan, Transform } from "./transforms/transform.js";
