export { countActiveUnits } from "./active-units.js";
export { chooseLikelihood } from "./choose-likelihood.js";
export { type VaeConfig, type VaeSampleOptions, vaeConfig, vaeSampleOptions } from "./config.js";
export {
  type Binarization,
  type Likelihood,
  type LikelihoodParams,
  type ScaleOption,
  bernoulliLikelihood,
  discretizedLogisticLikelihood,
  gaussianLikelihood,
} from "./likelihoods.js";
export {
  type Posterior,
  freeBitsKl,
  gaussianLogDensity,
  importanceBound,
  klDivergence,
  klWeight,
  reparameterize,
} from "./loss.js";
export { type VaeParams, type VaeState, createVae } from "./model.js";
export { type Network, createNetwork } from "./networks.js";
export { vae, vaePlugin } from "./plugin.js";
export { ancestralSampling } from "./sampler.js";
