import { fold, nn } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { normals } from "./host-values.mjs";

/**
 * Affine coupling of 2-D points: one coordinate scales and shifts the other. Real NVP (Dinh et al., 2016), §3.2. https://arxiv.org/abs/1605.08803
 *
 * @param a The coordinate that stays, shape `(B, 1)`. @returns The other one, transformed, and `log|det|` in nats, shape `(B,)`.
 */
function couple(params, a, b) {
  const [rawScale, shift] = tf.split(nn.mlp(params, a), 2, 1); // (B, 1) each
  const s = tf.tanh(rawScale);
  return [tf.add(tf.mul(b, tf.exp(s)), shift), tf.sum(s, 1)];
}

/** A flow of affine couplings on 2-D points, trained by maximum likelihood up to the constant `ln 2 pi`. */
export function couplingsStep({ batchSize = 256, width = 128, couplings = 8 } = {}) {
  const names = Array.from({ length: couplings }, (_, i) => `coupling${i}`);
  const nll = (flow, x) => {
    let [u, v] = tf.split(x, 2, 1); // (B, 1) each
    const logDets = names.map((name, i) => {
      const [fixed, moved] = i % 2 === 0 ? [u, v] : [v, u];
      const [next, logDet] = couple(flow[name], fixed, moved);
      [u, v] = i % 2 === 0 ? [fixed, next] : [next, fixed];
      return logDet;
    });
    const logDet = logDets.reduce((a, b) => tf.add(a, b)); // (B,)
    const energy = tf.mul(tf.sum(tf.square(tf.concat([u, v], 1)), 1), 0.5); // (B,)
    return tf.sub(energy, logDet);
  };
  const objective = {
    name: "nll",
    trains: ["flow"],
    loss: ({ flow }, _state, { x }) => ({ loss: tf.mean(nll(flow, x)) }),
  };
  const torch = { kernelInit: nn.torchUniform, biasInit: nn.torchUniform };
  const init = (key) =>
    Object.fromEntries(names.map((name) => [name, nn.mlpInit(fold(key, name), [1, width, width, 2], torch)]));
  return {
    model: { init: (key) => ({ params: { flow: init(key) }, state: {} }), objectives: [objective] },
    batch: { x: normals("x", [batchSize, 2]) },
    optimizer: { name: "adam", learningRate: 1e-3 },
    noise: {},
  };
}
