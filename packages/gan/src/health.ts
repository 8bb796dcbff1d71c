/*
 * How a GAN fares, as numbers with a standard error, and what they mean. Losses of two players say nothing by themselves: both may be flat while
 * samples improve, and both look fine while all samples become the same one.
 */
import {
  type Batch,
  fold,
  type HostTensor,
  type Key,
  type MetricResult,
  type ModelMetric,
  meanAndError,
  normal,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { Game } from "./config.js";
import type { Logits } from "./loss.js";
import { discriminatorOf, type Gan, type GanParams, type GanState, generate } from "./players.js";

/** Examples, and samples, behind each number during training. */
export const WATCHED = 1000;

type Metric = ModelMetric<GanParams, GanState>;

/** The measurements that watch a run, besides the classes that samples cover, which core counts. */
export function healthMetrics(gan: Gan): Readonly<Record<string, Metric>> {
  const correct = (side: keyof Logits): Metric["perExample"] => {
    return (params, state, batch, key) => isCorrect(gan, judged(gan, params, state, batch, key), side);
  };
  const base = { monitor: WATCHED } as const;
  return {
    discriminatorReal: {
      ...base,
      unit: "share",
      summary: "test examples that the discriminator takes for real",
      perExample: correct("real"),
    },
    discriminatorFake: {
      ...base,
      unit: "share",
      summary: "samples that the discriminator takes for generated",
      perExample: correct("fake"),
    },
    diversity: {
      ...base,
      unit: "x data",
      summary: "mean distance between two samples, relative to that between two test examples; 0 when all are the same",
      perExample: (params, state, batch, key) =>
        compare(gan, params, state, batch, key, (x) => tf.div(tf.sum(distances(x), 1), (x.shape[0] as number) - 1)),
      aggregate: ratioOfMeans,
    },
    nearestNeighbor: {
      ...base,
      unit: "x data",
      summary:
        "mean distance of a sample to the nearest of 249 others, relative to the data's; near 0 when samples repeat",
      perExample: (params, state, batch, key) => compare(gan, params, state, batch, key, nearest),
      aggregate: ratioOfMeans,
    },
  };
}

/** Samples for a batch of data, both as the discriminator sees them, each `(B, ...)`. */
function pair(gan: Gan, params: GanParams, state: GanState, batch: Batch, key: Key) {
  const label = gan.classes === undefined ? undefined : batch.label;
  const z = normal(fold(key, "z"), [batch.x.shape[0] as number, gan.settings.latentDim]);
  const { x: fake } = generate(gan, params, state, z, { label, training: false });
  return { real: gan.scale.toNetwork(batch.x, state.data), fake, label };
}

function judged(gan: Gan, params: GanParams, state: GanState, batch: Batch, key: Key): Logits {
  const { real, fake, label } = pair(gan, params, state, batch, key);
  const { logits } = discriminatorOf(gan, params, state, false);
  return { real: logits(real, label), fake: logits(fake, label) };
}

/** 1 where the discriminator is right, `(B,)`. A loss without a boundary gets the one halfway between the sides' means. */
function isCorrect({ loss }: Gan, { real, fake }: Logits, side: keyof Logits): Tensor {
  const boundary = loss.boundary ?? tf.mul(0.5, tf.add(tf.mean(real), tf.mean(fake)));
  return tf.cast(side === "real" ? tf.greater(real, boundary) : tf.less(fake, boundary), "float32");
}

const flatRows = (x: Tensor): tf.Tensor2D => tf.reshape(x, [x.shape[0] as number, -1]);

/** Squared distances of all rows of `a` to all of `b`, `(A, B)`. */
function squaredDistances(a: Tensor, b: Tensor): Tensor {
  const squares = (x: Tensor) => tf.sum(tf.square(x), 1, true);
  const cross = tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, false, true);
  return tf.relu(tf.sub(tf.add(squares(a), tf.transpose(squares(b))), tf.mul(2, cross)));
}

/** Distances between all examples of a batch, `(B, B)`; 0 on the diagonal. */
function distances(x: Tensor): Tensor {
  const rows = flatRows(x);
  const n = rows.shape[0];
  return tf.mul(tf.sqrt(squaredDistances(rows, rows)), tf.sub(1, tf.eye(n)));
}

/** Distance to the nearest other example, `(B,)`. */
function nearest(x: Tensor): Tensor {
  return tf.min(tf.add(distances(x), tf.mul(1e9, tf.eye(x.shape[0] as number))), 1);
}

/** A measure of samples and of data, `(B, 2)`. */
function compare(
  gan: Gan,
  params: GanParams,
  state: GanState,
  batch: Batch,
  key: Key,
  measure: (x: Tensor) => Tensor,
): Tensor {
  const { real, fake } = pair(gan, params, state, batch, key);
  return tf.stack([measure(fake), measure(real)], 1);
}

/** Column `c` of a table of `width` columns. */
const columnOf = ({ data }: HostTensor, c: number, width: number): number[] =>
  Array.from({ length: data.length / width }, (_, i) => data[i * width + c] as number);

/** The ratio of two columns' means; its error by the delta method. */
function ratioOfMeans(table: HostTensor): { value: number; stderr: number; n: number } {
  const [fake, real] = [0, 1].map((c) => meanAndError(columnOf(table, c, 2)));
  const { value: a, stderr: da, n } = fake as MetricResult;
  const { value: b, stderr: db } = real as MetricResult;
  const value = a / b;
  return { value, stderr: Math.hypot(da / b, (value * db) / b), n };
}

/** Below these, samples are too much alike. Trained models have a diversity of 0.8 to 1.1. */
const LOW_DIVERSITY = 0.5;
const LOW_NEAREST = 0.2;
/** The share of real data's classes that samples must cover. */
const ENOUGH_MODES = 0.9;
/** Above this on both sides, the discriminator is always right: no harm by itself, unless the generator's loss is flat there or samples are poor. */
const TOO_STRONG = 0.99;

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** What the health measurements say is wrong: the signs, and what to try. Alike samples are a collapse; a discriminator that is always right is another fault. */
export function diagnose(game: Game, results: Readonly<Record<string, MetricResult>>): readonly string[] {
  const [real, fake, diversity, near] = ["discriminatorReal", "discriminatorFake", "diversity", "nearestNeighbor"].map(
    (name) => results[name]?.value ?? Number.NaN,
  ) as [number, number, number, number];
  const { modes } = results;
  const expected = modes?.realVsReal?.value ?? Number.NaN;
  const missing = modes !== undefined && modes.value < ENOUGH_MODES * expected;
  const strong = real > TOO_STRONG && fake > TOO_STRONG;
  const alike = [
    ...(diversity < LOW_DIVERSITY ? [`samples are ${percent(diversity)} as varied as the data`] : []),
    ...(near < LOW_NEAREST ? [`samples repeat (distance to the nearest is ${percent(near)} of the data's)`] : []),
  ];
  const signs = [
    ...alike,
    ...(missing ? [`samples cover ${modes.value} classes where real data cover ${expected} (${modes.note})`] : []),
  ];
  const judge = `the discriminator is right on ${percent(real)} of real and ${percent(fake)} of generated data`;
  if (strong && alike.length === 0 && (missing || game.loss === "minimax")) {
    const why = game.loss === "minimax" ? ", where minimax has no gradient for the generator" : "";
    return [
      `the discriminator is too strong: ${[`${judge}${why}`, ...signs].join(", ")}; samples vary, so this is no collapse; try ${advice(game, true)}`,
    ];
  }
  if (signs.length === 0) return [];
  return [`the generator collapses: ${[...signs, judge].join(", ")}; try ${advice(game, strong)}`];
}

/** What changes the game for the better, most effective first. */
function advice({ loss, norm, penalty }: Game, strong: boolean): string {
  const tips = [
    ...(loss === "minimax"
      ? ["loss=non-saturating (the gradient of minimax vanishes where the discriminator is sure)"]
      : []),
    ...(penalty.name === "none" && norm !== "batch" ? ["penalty=r1"] : []),
    ...(penalty.name === "none" && norm === "batch" ? ["norm=none with penalty=r1"] : []),
    ...(penalty.name === "r1" || penalty.name === "r2" || penalty.name === "r1r2"
      ? [`a larger penalty.gamma (now ${penalty.gamma})`]
      : []),
    ...(loss === "relativistic" ? [] : ["preset=r3gan"]),
    ...(strong ? ['a slower discriminator, --optimizers {"discriminator":{"learningRate":5e-5}}'] : ["more steps"]),
  ];
  return tips.join(", or ");
}
