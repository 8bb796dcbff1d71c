import { normal } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import type { Base } from "./base.js";

/** Independent standard normals. */
export function normalBase(): Base {
  return {
    name: "normal",
    logProb: (_params, z) =>
      tf.mul(tf.add(tf.sum(tf.square(z), 1), (z.shape[1] as number) * Math.log(2 * Math.PI)), -0.5),
    sample: (_params, key, shape, temperature) => tf.mul(normal(key, shape), temperature),
  };
}
