import { dynamicUpdateSlice, type Sampling } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { FORBIDDEN, processLogits } from "./logits.js";
import type { KeyValue } from "./networks/attention.js";
import type { Memory } from "./networks/encoder-decoder.js";
import { pickRows } from "./networks/network.js";
import { datumPart, type Generator, growing, promptOf, readPrompt, stops } from "./sampler.js";

/** What the scan hands on: W live beams and the W best ended ones for each of n sequences; L columns. */
interface Carry {
  /** Of the next token, `(n W, V)`. */
  readonly logits: Tensor;
  readonly layers: readonly KeyValue[];
  readonly memory?: Memory;
  readonly padding: Tensor;
  /** Live beams, int32 `(n, W, L)`, and their log-probabilities, nats `(n, W)`. */
  readonly tokens: Tensor;
  readonly scores: Tensor;
  /** Ended beams, and their log-probabilities over the length penalty; {@link FORBIDDEN} where there is none. */
  readonly ended: Tensor;
  readonly endedScores: Tensor;
}

/** `((5 + length) / 6)^alpha`. Wu et al., 2016, eq. 14. https://arxiv.org/abs/1609.08144 @param length float32 scalar. */
function lengthPenalty(length: Tensor, alpha: number): Tensor {
  return tf.pow(tf.div(tf.add(length, 5), 6), alpha);
}

/**
 * Beam search: the W most probable beginnings are kept, and what they end in. Graves, 2012, §3 in the form with separate ended beams, of which
 * none is lost to a live one of higher score. https://arxiv.org/abs/1211.3711
 */
export function beamSampling(generator: Generator): Sampling<any, any, any> {
  const { network, task, options, lengths } = generator;
  const { prompt: length, steps } = lengths;
  const { beams } = options;
  return {
    steps,
    start(params, state, key, request): Carry {
      const { n } = request;
      const read = readPrompt(generator, params, promptOf(generator, state, key, request), n * beams);
      const columns = length + steps;
      const first = tf.tensor(
        Array.from({ length: beams }, (_, i) => (i === 0 ? 0 : FORBIDDEN)),
        [1, beams],
      );
      const tokens = tf.reshape(read.tokens, [n, beams, columns]);
      return {
        ...read,
        tokens,
        scores: tf.tile(first, [n, 1]), // all beams begin alike: only one may branch
        ended: tokens,
        endedScores: tf.fill([n, beams], FORBIDDEN),
      };
    },
    step(params, _state, carry: Carry, i): Carry {
      const column = tf.add(i, tf.scalar(length, "int32"));
      const made = branch(generator, carry, column);
      const kept = keepEnded(generator, carry, made, i);
      const { tokens, scores, from } = keepLive(generator, made);
      const { logits: _, tokens: __, scores: ___, ended: ____, endedScores: _____, ...read } = carry;
      const before = pickRows(read, from);
      const last = tf.reshape(tf.gather(tokens, tf.reshape(column, [1]), 2), [from.size]);
      const next = network.step(params, last, before, { slot: column, padding: before.padding });
      return { ...before, logits: next.logits, layers: next.layers, tokens, scores, ...kept };
    },
    growth: growing(lengths),
    finish: (_params, state, carry: Carry) => task.toData(state, datumPart(generator, best(generator, carry))),
  };
}

/** The `2 W` best continuations of all beams: enough that W of them are live, whichever end. */
interface Branches {
  /** int32 `(n, 2 W, L)`. */
  readonly tokens: Tensor;
  /** nats, `(n, 2 W)`. */
  readonly scores: Tensor;
  /** Which beam they continue, int32 `(n, 2 W)`. */
  readonly beams: Tensor;
  /** 1 where they end, float32 `(n, 2 W)`. */
  readonly ends: Tensor;
}

function branch(generator: Generator, { logits, tokens, scores }: Carry, column: Tensor): Branches {
  const { options } = generator;
  const [n, width, columns] = tokens.shape as [number, number, number];
  const size = logits.shape[1] as number;
  const processed = processLogits(logits, { ...options, temperature: options.temperature || 1, repetitionPenalty: 1 });
  const total = tf.add(tf.reshape(tf.logSoftmax(processed), [n, width, size]), tf.expandDims(scores, 2));
  const { values, indices } = tf.topk(tf.reshape(total, [n, width * size]), 2 * width);
  const beams = tf.cast(tf.floor(tf.div(tf.add(tf.cast(indices, "float32"), 0.5), size)), "int32"); // exact below 2^22
  const chosen = tf.sub(indices, tf.mul(beams, tf.scalar(size, "int32"))); // (n, 2 W)
  const rows = rowsOf(beams, width);
  const before = tf.reshape(tf.gather(tf.reshape(tokens, [n * width, columns]), rows as tf.Tensor1D), [
    n,
    2 * width,
    columns,
  ]);
  const ends = stops(generator).map((id) => tf.cast(tf.equal(chosen, tf.scalar(id, "int32")), "float32"));
  return {
    tokens: dynamicUpdateSlice(before, tf.expandDims(chosen, 2), column, 2),
    scores: values,
    beams,
    ends: ends.length === 0 ? tf.zerosLike(values) : tf.minimum(tf.addN(ends), 1),
  };
}

/** Numbers of beams within a sequence as rows of all beams. @param beams int32 `(n, K)`. @returns int32 `(n K,)`. */
function rowsOf(beams: Tensor, width: number): Tensor {
  const n = beams.shape[0] as number;
  const first = tf.tensor(
    Array.from({ length: n }, (_, i) => i * width),
    [n, 1],
    "int32",
  );
  return tf.reshape(tf.add(beams, first), [beams.size]);
}

/** The W best of what ended before and now. */
function keepEnded(
  { options }: Generator,
  carry: Carry,
  made: Branches,
  i: Tensor,
): Pick<Carry, "ended" | "endedScores"> {
  const penalty = lengthPenalty(tf.add(tf.cast(i, "float32"), 1), options.lengthPenalty);
  const now = tf.where(tf.greater(made.ends, 0), tf.div(made.scores, penalty), tf.fill(made.scores.shape, FORBIDDEN));
  const width = carry.endedScores.shape[1] as number;
  return pickBest(
    tf.concat([carry.ended, made.tokens], 1),
    tf.concat([carry.endedScores, now], 1),
    width,
    (ended, endedScores) => ({ ended, endedScores }),
  );
}

/** The W best that go on. `from`: the row of the beam that each continues, int32 `(n W,)`. */
function keepLive({ options }: Generator, made: Branches): { tokens: Tensor; scores: Tensor; from: Tensor } {
  const { beams: width } = options;
  const live = tf.where(tf.greater(made.ends, 0), tf.fill(made.scores.shape, FORBIDDEN), made.scores);
  return pickBest(made.tokens, live, width, (tokens, scores, order) => {
    const flat = tf.reshape(made.beams, [made.beams.size]);
    const beams = tf.reshape(tf.gather(flat, rowsOf(order, 2 * width) as tf.Tensor1D), order.shape);
    return { tokens, scores, from: rowsOf(beams, width) };
  });
}

/** The `width` sequences of highest score. @param tokens `(n, K, L)`. @param scores `(n, K)`. */
function pickBest<T>(
  tokens: Tensor,
  scores: Tensor,
  width: number,
  use: (tokens: Tensor, scores: Tensor, order: Tensor) => T,
): T {
  const [n, count, columns] = tokens.shape as [number, number, number];
  const { values, indices } = tf.topk(scores as tf.Tensor2D, width);
  const picked = tf.gather(tf.reshape(tokens, [n * count, columns]), rowsOf(indices, count) as tf.Tensor1D);
  return use(tf.reshape(picked, [n, width, columns]), values, indices);
}

/** The best of ended and live beams; live ones are as long as can be. @returns int32 `(n, L)`. */
function best({ options, lengths }: Generator, { tokens, scores, ended, endedScores }: Carry): Tensor {
  const penalty = lengthPenalty(tf.scalar(lengths.steps), options.lengthPenalty);
  const [n, , columns] = tokens.shape as [number, number, number];
  const all = tf.concat([endedScores, tf.div(scores, penalty)], 1);
  return pickBest(tf.concat([ended, tokens], 1), all, 1, (sequence) => tf.reshape(sequence, [n, columns]));
}
