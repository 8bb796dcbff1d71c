/** A network as large as the passes over graphs ask for, on all lowerings and on the reference engine. */
import {
  compile,
  type Engine,
  eager,
  groupNorm,
  type HostTensor,
  normal,
  type ProgramFunction,
  seedKey,
} from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { type Lowering, tensorflow } from "../src/index.js";
import { noLibrary } from "./library.js";
import { largestDifference, magnitude } from "./run-graph.js";

const shapes = {
  x: [8, 16, 16, 4],
  w1: [3, 3, 4, 32],
  scale: [32],
  offset: [32],
  w2: [3, 3, 32, 1],
  w3: [4, 4, 2, 32],
};
const inputs = Object.fromEntries(
  Object.entries(shapes).map(([name, shape], i): [string, HostTensor] => [
    name,
    { shape, dtype: "float32", data: normal(seedKey(i), shape).dataSync() as Float32Array },
  ]),
);

/** Upsampling and convolution, group norm and SiLU, then a convolution to one channel and a transposed one to two. */
function loss(...tensors: tf.Tensor[]): tf.Scalar {
  const [x, w1, scale, offset, w2, w3] = tensors as [
    tf.Tensor4D,
    tf.Tensor4D,
    tf.Tensor,
    tf.Tensor,
    tf.Tensor4D,
    tf.Tensor4D,
  ];
  const h = groupNorm(tf.conv2d(tf.image.resizeNearestNeighbor(x, [32, 32]), w1, 1, "same"), scale, offset, 8);
  const active = tf.mul(h, tf.sigmoid(h)) as tf.Tensor4D;
  const [one, two] = [tf.conv2d(active, w2, 1, "same"), tf.conv2dTranspose(active, w3, [8, 64, 64, 2], 2, "same")];
  return tf.add(tf.mean(tf.square(one)), tf.mean(tf.square(two)));
}

const gradients: ProgramFunction = (_state, given) => ({
  outputs: Object.fromEntries(
    tf
      .grads(loss)(Object.keys(shapes).map((name) => given[name] as tf.Tensor))
      .entries(),
  ),
});

async function run(engine: Engine): Promise<HostTensor[]> {
  const program = await compile(engine, gradients, { state: {}, inputs }, engine.createStore());
  return Object.values(await program.run(inputs));
}

const expected = noLibrary === undefined ? await run(eager()) : [];

test.skipIf(noLibrary !== undefined).each<Lowering>(["clusters", "graph", "xla"])(
  `%s compute the gradients of the reference${noLibrary ? ` (skipped: ${noLibrary})` : ""}`,
  async (lowering) => {
    const engine = await tensorflow({ lowering });
    const actual = await run(engine);
    expect(actual).toHaveLength(Object.keys(shapes).length);
    for (const known of expected) expect(magnitude(known)).toBeGreaterThan(0);
    expect(largestDifference(actual, expected)).toBeLessThan(1e-4);
    await engine.dispose();
  },
);
