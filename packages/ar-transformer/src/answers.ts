import type { Key, ScanMetric } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { arSampleOptions } from "./config.js";
import type { Transformer } from "./model.js";
import { tokenSampling } from "./sampler.js";

/** Greedy answers to the sources of a batch beside the targets. */
interface Answering {
  readonly carry: any;
  readonly target: Tensor;
}

/** What greedy decoding answers to every source, and what was asked for: `(B, 2 T)`, answer and target one after the other. */
export function answerScan({ network, task }: Transformer): ScanMetric["scan"] {
  const options = { ...arSampleOptions.parse({}), temperature: 0 };
  const { length } = task;
  const lengths = { prompt: 1, steps: length, slots: length + 1, slide: 0 };
  const sampling = tokenSampling({ network, task, options, lengths });
  return {
    steps: length,
    start(params, state, batch, key): Answering {
      const n = batch.x.shape[0] as number;
      const request = { n, options: {}, inputs: { source: batch.x } };
      return { carry: sampling.start(params, state, key, request), target: batch.target as Tensor };
    },
    step: (params, state, { carry, target }: Answering, i: Tensor, key: Key): Answering => ({
      carry: sampling.step?.(params, state, carry, i, key),
      target,
    }),
    finish: (params, state, { carry, target }: Answering) =>
      tf.concat([sampling.finish(params, state, carry), target], 1),
  };
}

/** Measurements of whole answers. */
export function answerMetrics(transformer: Transformer): Record<string, ScanMetric> {
  const scan = answerScan(transformer);
  return {
    exactMatchError: {
      unit: "of targets",
      summary: "share of sources whose greedy answer is not their target token for token",
      onRequest: true,
      scan,
      aggregate({ data, shape }) {
        const [n, width] = shape as [number, number];
        const half = width / 2;
        let wrong = 0;
        for (let i = 0; i < n; i++) {
          const row = data.subarray(i * width, (i + 1) * width);
          if (row.subarray(0, half).some((id, j) => id !== row[half + j])) wrong++;
        }
        const value = wrong / n;
        return { value, stderr: Math.sqrt((value * (1 - value)) / Math.max(1, n - 1)), n };
      },
    },
  };
}
