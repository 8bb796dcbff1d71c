export { type BleuScore, bleu, bleuWithError, tokenize13a } from "./bleu.js";
export { classCounts, classDivergence, extremeShares, modesCovered, shareOf } from "./classes.js";
export { classificationAccuracyScore } from "./classification-score.js";
export { type ClassifierRecipe, type ClassifierResult, type LabelledSet, trainAndTest } from "./classifier.js";
export { type NearestRows, nearestRows, probabilityBelow, type RowSource } from "./copying.js";
export { createEvaluator } from "./create-evaluator.js";
export { type Edits, editDistance, errorRate, nearestEdits, ratioOfMeans } from "./edit-distance.js";
export {
  type DataDescription,
  type Extracted,
  extractorRefusal,
  type FeatureExtractor,
  type OpenExtractor,
  type TracedNetwork,
  tracedExtractor,
} from "./extractor.js";
export { type Estimate, frechetDistance, frechetEstimate } from "./frechet.js";
export { type Graded, type GradedSets, gradeSets } from "./grading.js";
export { energyDistance, kernelDistance } from "./kernel-distance.js";
export { linearProbe } from "./linear-probe.js";
export { ballSizes, compareManifolds, type ManifoldComparison, type Neighbours } from "./manifold.js";
export { modeCoverage } from "./mode-coverage.js";
export { type Moments, moments } from "./moments.js";
export { type Points, points, selectPoints, squaredDistance } from "./points.js";
export {
  copying,
  type FeatureMeasure,
  featureMetricName,
  featureMetrics,
  SAMPLE_METRICS,
  valueMetrics,
} from "./sample-metrics.js";
