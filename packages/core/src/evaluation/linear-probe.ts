import { type HostTensor, type Key, sizeOf } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Split } from "../data.js";
import type { Metric, MetricContext } from "../metric.js";
import type { Batch, GenerativeModel } from "../model.js";
import { formatShare } from "./classes.js";
import { trainAndTest } from "./classifier.js";
import { controlSplit } from "./grading.js";

/** Most examples of each split that the probe sees. */
const MAX_EXAMPLES = 10_000;
const PASSES = 20; // logistic regression is convex: by then it stands still
const LEARNING_RATE = 1e-2;

/** A measurement of every example, as {@link Session.perExample} takes it. */
type PerExample = (params: any, state: any, batch: Batch, key: Key) => Tensor;

/** What describes a datum: features that the model names, or else its latent. `undefined` when it has neither. */
export function featuresOf({ features, latent }: GenerativeModel): PerExample | undefined {
  return features ?? latent?.encode;
}

/** The values themselves, as features to compare with. Kept as one function, so that its program is compiled once. */
const values: PerExample = (_params, _state, { x }) => tf.cast(x, "float32");

/**
 * How much of the classes lies open in a model's features: accuracy of logistic regression on them, the model itself untouched.
 * Alain & Bengio, 2016 (https://arxiv.org/abs/1610.01644). Beside it stands the same regression on the values themselves.
 */
export const linearProbe: Metric = {
  name: "linearProbe",
  summary: "accuracy of a linear classifier on the model's features (its latents)",
  onRequest: true,
  refusal(model, { datum }) {
    if (datum.classes === undefined) return "the data have no labels";
    return featuresOf(model) ? undefined : "the model gives no features: it has no encoder";
  },
  async evaluate(context) {
    const { dataset, session } = context;
    const probed = await probe(context, featuresOf(session.model) as PerExample);
    const tokens = dataset.datum.kind === "tokens" || dataset.datum.kind === "pairs";
    const raw = tokens ? undefined : await probe(context, values);
    const beside = raw && `on the ${raw.width} values themselves ${formatShare(raw.accuracy)}`;
    const learned = `${probed.width} features, learned from ${probed.trained.toLocaleString("en")} examples`;
    return {
      ...probed.accuracy,
      n: probed.tested,
      unit: "share",
      note: [learned, ...(beside ? [beside] : [])].join("; "),
    };
  },
};

async function probe({ session, dataset, split, seed, limit = MAX_EXAMPLES }: MetricContext, features: PerExample) {
  const most = Math.min(limit, MAX_EXAMPLES);
  const seen = async (of: Split) => {
    const rows = await session.perExample(features, of, { seed, limit: most });
    const [n = 0, ...rest] = rows.shape;
    const x = { ...rows, shape: [n, sizeOf(rest)] };
    return { x, label: of.gather(Array.from({ length: n }, (_, i) => i)).label as HostTensor };
  };
  const [train, test] = [await seen(controlSplit(dataset, split)), await seen(split)];
  const classes = dataset.datum.classes as number;
  const recipe = { network: "linear", classes, passes: PASSES, learningRate: LEARNING_RATE, seed } as const;
  const { accuracy } = await trainAndTest(session.engine, train, test, recipe);
  return {
    accuracy,
    width: train.x.shape[1] as number,
    trained: train.x.shape[0] as number,
    tested: test.x.shape[0] as number,
  };
}
