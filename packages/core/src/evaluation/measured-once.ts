/** What several metrics need is computed by the first of those that are measured together. */
import type { HostTensor, Key } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { MetricContext } from "../metric.js";
import type { Batch } from "../model.js";

type PerExample = (params: any, state: any, batch: Batch, key: Key) => Tensor;

/** @param name Of the work and of all that decides its result but session, split and seed, which metrics of one context share. */
export function measuredOnce<T>({ shared }: MetricContext, name: string, measure: () => Promise<T>): Promise<T> {
  const known = shared?.get(name) as Promise<T> | undefined;
  const result = known ?? measure();
  shared?.set(name, result);
  return result;
}

/** Likelihoods of the split's examples, or their bounds, in nats, shape `(n,)`. The model must have them. */
export function likelihoods(name: "elbo" | "logProb", context: MetricContext): Promise<HostTensor> {
  const { session, split, seed, limit = split.size } = context;
  return measuredOnce(context, `${name} ${limit}`, () =>
    session.perExample(session.model[name] as PerExample, split, { seed, limit }),
  );
}
