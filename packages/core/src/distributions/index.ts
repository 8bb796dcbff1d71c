export { bernoulliEntropy, bernoulliLogProb, bernoulliSample } from "./bernoulli.js";
export { categoricalEntropy, categoricalKl, categoricalLogProb, categoricalSample } from "./categorical.js";
export { laplaceLogProb, laplaceSample } from "./laplace.js";
export {
  discretizedLogisticLogProb,
  discretizedLogisticSample,
  logisticLogProb,
  logisticSample,
  type Quantization,
} from "./logistic.js";
export { logMeanExp, logSumExp, mixtureLogProb } from "./mixture.js";
export {
  clampLogVar,
  normalEntropy,
  normalKl,
  normalKlToStandard,
  normalLogProb,
  normalSample,
} from "./normal.js";
export { uniformLogProb, uniformSample } from "./uniform.js";
