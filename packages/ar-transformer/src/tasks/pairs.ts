import type { DatumSpec } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../architecture.js";
import { cycledRows, KEPT_ROWS, type Task } from "./task.js";
import { shifted } from "./text.js";

/** Source and target sequences; a class to find is a target of one token. @throws UserError when the data do not describe their targets. */
export function pairsTask({ vocabulary, shape, target, special }: DatumSpec): Task {
  const { pad, bos, eos } = special ?? {};
  if (vocabulary === undefined || target === undefined || pad === undefined || bos === undefined || eos === undefined)
    throw refuse("data of kind pairs need a vocabulary, the shape of their targets, and ids for pad, bos and eos");
  const [sourceLength, length] = [shape[0] as number, target[0] as number];
  return {
    outputs: vocabulary,
    vocabSize: vocabulary,
    length,
    sourceLength,
    eos,
    pad,
    note: "of targets, given their sources",
    initState: ({ x }) => ({ sources: cycledRows(x, KEPT_ROWS) }), // (KEPT_ROWS, S)
    sequences: (_state, { x, target: targets }) => {
      if (targets === undefined) throw refuse('pairs need a field "target" beside x; choose data of pairs');
      return {
        source: x,
        inputs: shifted(targets, bos),
        targets,
        weights: tf.cast(tf.notEqual(targets, tf.scalar(pad, "int32")), "float32"),
      };
    },
    begin: (_state, _key, n) => tf.fill([n, 1], bos, "int32"),
    beginCounts: false,
    sources: ({ sources }: { sources: Tensor }, n) => cycledRows(sources, n),
    toData: (_state, tokens) => tokens,
  };
}
