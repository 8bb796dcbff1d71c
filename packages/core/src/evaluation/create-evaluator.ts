import { builtinMetrics, Evaluator } from "../evaluator.js";
import type { Metric } from "../metric.js";
import { checkExtractors, type FeatureExtractor } from "./extractor.js";
import { modeCoverage } from "./mode-coverage.js";
import { featureMetrics } from "./sample-metrics.js";

/**
 * An evaluator of metrics and of everything that extractors make possible.
 *
 * @throws UserError when two extractors share a name.
 */
export function createEvaluator({
  metrics = builtinMetrics,
  extractors = [],
}: {
  readonly metrics?: readonly Metric[];
  readonly extractors?: readonly FeatureExtractor[];
}): Evaluator {
  checkExtractors(extractors);
  return new Evaluator([...metrics, modeCoverage(extractors), ...extractors.flatMap(featureMetrics)]);
}
