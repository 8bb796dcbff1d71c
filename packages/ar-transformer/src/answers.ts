import type { Key, MetricScan } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import { arSampleOptions } from "./config.js";
import { tokenSampling } from "./sampler.js";
import type { Transformer } from "./transformer.js";

/** What greedy decoding answers to the source of every pair of a batch, `(B, T)`. */
export function answerScan({ network, task }: Transformer): MetricScan {
  const options = { ...arSampleOptions.parse({}), temperature: 0 };
  const { length } = task;
  const lengths = { prompt: 1, steps: length, slots: [length + 1] as const, slide: 0 };
  const sampling = tokenSampling({ network, task, options, lengths });
  return {
    steps: length,
    start: (params, state, { x }, key) =>
      sampling.start(params, state, key, { n: x.shape[0] as number, options: {}, inputs: { source: x } }),
    step: (params, state, carry, i: Tensor, key: Key) => sampling.step?.(params, state, carry, i, key),
    finish: (params, state, carry) => sampling.finish(params, state, carry),
  };
}
