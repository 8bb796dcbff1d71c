/** A program for browsers, bundled and run by `bundle.test.mjs`: the container, a family and the compiler. */
import { createContainer, MODEL_PLUGIN, TRAINER } from "@latentkit/core";
import { eager, jit } from "@latentkit/jit";
import { vaePlugin } from "@latentkit/vae";
import * as tf from "@tensorflow/tfjs-core";

/** Wires the container and runs a compiled function; returns what a test can compare. */
export async function program() {
  const container = createContainer(vaePlugin);
  const softplus = jit(eager(), (x) => tf.softplus(x));
  return {
    trainer: typeof container.resolve(TRAINER),
    models: container.resolveAll(MODEL_PLUGIN).map((plugin) => plugin.name),
    softplus: (await softplus(tf.tensor1d([0.5]))).dataSync()[0],
  };
}
