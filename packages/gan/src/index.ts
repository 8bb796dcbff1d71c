export { AUGMENTATIONS, type Augmentation, augment } from "./augment.js";
export {
  type Game,
  type GanConfig,
  type GanOptions,
  type GanSampleOptions,
  gameSchema,
  ganConfig,
  ganSampleOptions,
  type Penalty,
} from "./config.js";
export { diagnose } from "./health.js";
export {
  type AdversarialLoss,
  hinge,
  type Logits,
  leastSquares,
  losses,
  minimax,
  nonSaturating,
  relativistic,
  wasserstein,
} from "./loss.js";
export { createGan } from "./model.js";
export {
  type Critic,
  type LogitAnchors,
  leCam,
  moveAnchors,
  squaredGradientNorms,
  wganGp,
  zeroCentredPenalty,
} from "./penalties.js";
export type { GanParams, GanState } from "./players.js";
export { gan, ganPlugin } from "./plugin.js";
export { type GanSettings, settle } from "./presets.js";
export { cutNormal } from "./sampler.js";
export { type SpectralVectors, spectralInit, spectralNormalize } from "./spectral-norm.js";
