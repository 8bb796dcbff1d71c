import { type DatumSpec, randomInteger } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../architecture.js";
import { cycledRows, KEPT_ROWS, type Task } from "./task.js";

/** Windows of a running text: the first token of a window is given. Generation begins with a token that a window of the first batch began with. */
function windows(vocabulary: number, length: number): Task {
  return {
    outputs: vocabulary,
    vocabSize: vocabulary,
    length: length - 1,
    pad: 0,
    note: "of the tokens after the first",
    initState: ({ x }) => ({ begins: cycledRows(tf.slice(x, [0, 0], [-1, 1]), KEPT_ROWS) }), // (KEPT_ROWS, 1)
    sequences: (_state, { x }) => {
      const batch = x.shape[0] as number;
      return {
        inputs: tf.slice(x, [0, 0], [batch, length - 1]),
        targets: tf.slice(x, [0, 1], [batch, length - 1]),
      };
    },
    begin: ({ begins }: { begins: Tensor }, key, n) =>
      tf.gather(begins, randomInteger(key, [n], 0, begins.shape[0] as number) as tf.Tensor1D),
    beginCounts: true,
    toData: (_state, tokens) => tokens,
  };
}

/** Sequences of their own: all tokens are predicted, the first from a begin token, the data's or one that the model adds. */
function documents(datum: DatumSpec, vocabulary: number, length: number): Task {
  const { bos = vocabulary, eos, pad = eos ?? 0 } = datum.special ?? {};
  const isPadded = datum.special?.pad !== undefined;
  return {
    outputs: vocabulary,
    vocabSize: bos === vocabulary ? vocabulary + 1 : vocabulary,
    length,
    ...(eos === undefined ? {} : { eos }),
    pad,
    initState: () => ({}),
    sequences: (_state, { x }) => ({
      inputs: shifted(x, bos),
      targets: x,
      ...(isPadded ? { weights: tf.cast(tf.notEqual(x, tf.scalar(pad, "int32")), "float32") } : {}),
    }),
    begin: (_state, _key, n) => tf.fill([n, 1], bos, "int32"),
    beginCounts: false,
    toData: (_state, tokens) => tokens,
  };
}

/** `begin, x_1, …, x_{T-1}`. @param x int32, `(B, T)`. */
export function shifted(x: Tensor, begin: number): Tensor {
  const [batch, length] = x.shape as [number, number];
  return tf.concat([tf.fill([batch, 1], begin, "int32"), tf.slice(x, [0, 0], [batch, length - 1])], 1);
}

/** Sequences of tokens. @throws UserError when the data do not say how many tokens there are, or leave nothing to predict. */
export function textTask(datum: DatumSpec): Task {
  const { vocabulary, shape, context = 0 } = datum;
  const [length = 0] = shape;
  if (vocabulary === undefined || shape.length !== 1)
    throw refuse(`data of kind tokens need a vocabulary and sequences, got shape [${shape}]; choose a text`);
  if (context > 1 || length - context < 1)
    throw refuse(`data with ${context} given tokens of ${length} leave nothing to predict; choose longer sequences`);
  return context === 1 ? windows(vocabulary, length) : documents(datum, vocabulary, length);
}
