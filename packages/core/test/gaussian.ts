import type { Key } from "@latentkit/jit";
import { normal } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import type { Batch, GenerativeModel } from "../src/model.js";
import { definePlugin } from "../src/plugin.js";

type Params = { mu: tf.Tensor; logSigma: tf.Tensor };

/** Diagonal normal density: `log N(x; mu, sigma)`, nats, shape `(B,)`. */
function logProb({ mu, logSigma }: Params, _state: object, { x }: Batch): tf.Tensor {
  const standard = tf.mul(tf.sub(x, mu), tf.exp(tf.neg(logSigma)));
  return tf.sum(tf.sub(tf.mul(tf.add(tf.square(standard), Math.log(2 * Math.PI)), -0.5), logSigma), -1);
}

/** The smallest plugin there is: a normal distribution with learned mean and deviation. */
export const gaussianPlugin = definePlugin({
  name: "gaussian",
  summary: "one normal distribution",
  config: z.strictObject({ spread: z.number().positive().default(1).describe("initial standard deviation") }),
  sampleOptions: z.strictObject({}),
  create: ({ spread }, datum): GenerativeModel<Params, object> => ({
    datum,
    init: () => ({
      params: { mu: tf.zeros([...datum.shape]), logSigma: tf.fill([...datum.shape], Math.log(spread)) },
      state: {},
    }),
    objectives: [
      {
        name: "nll",
        trains: ["mu", "logSigma"],
        loss: (params, state, batch) => ({ loss: tf.neg(tf.mean(logProb(params, state, batch))) }),
      },
    ],
    sampling: () => ({
      steps: 0,
      start: ({ mu, logSigma }: Params, _state, key: Key, { n }) =>
        tf.add(mu, tf.mul(tf.exp(logSigma), normal(key, [n, ...datum.shape]))),
      finish: (_params, _state, x) => x,
    }),
    logProb,
  }),
});
