export { countActiveUnits } from "./active-units.js";
export { chooseLikelihood } from "./choose-likelihood.js";
export { type VaeConfig, type VaeSampleOptions, vaeConfig, vaeSampleOptions } from "./config.js";
export {
  type Binarization,
  bernoulliLikelihood,
  discretizedLogisticLikelihood,
  gaussianLikelihood,
  type Likelihood,
  type LikelihoodParams,
  type ScaleOption,
} from "./likelihoods.js";
export { freeBitsKl, importanceBound, klWeight, type Posterior, reparameterize } from "./loss.js";
export { createVae, type VaeParams, type VaeState } from "./model.js";
export { createNetwork, type Network } from "./networks.js";
export { vae, vaePlugin } from "./plugin.js";
export { ancestralSampling } from "./sampler.js";
