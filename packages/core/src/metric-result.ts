import type { Estimate } from "./evaluation/frechet.js";

/** One measured number. */
export interface MetricResult {
  readonly value: number;
  /** Standard error of `value`: over the examples, Monte-Carlo noise included. */
  readonly stderr: number;
  /** Number of examples (or samples) behind it. */
  readonly n: number;
  readonly unit: string;
  /** What must be known to compare it, e.g. on which binarisation a likelihood is. */
  readonly note?: string;
  /** The same measure of as many real data from another split: no model can be told from real data by a difference below their distance. */
  readonly realVsReal?: Estimate;
}
