import { eager, flatten, fold, jit, type Key, type Tree } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  discretizedLogisticSample,
  laplaceSample,
  logisticSample,
  logSumExp,
  normalSample,
} from "../distributions/index.js";
import * as nn from "./index.js";

const image = tf.reshape(tf.sin(tf.range(0, 2 * 6 * 6 * 4)), [2, 6, 6, 4]);
const rows = tf.reshape(tf.cos(tf.range(0, 2 * 5 * 8)), [2, 5, 8]);
const vector = tf.zeros([64]);
const zero = tf.scalar(0);

/** Initialisation and application in one function of a key: everything a model file does with a layer. */
const LAYERS: Record<string, (key: Key) => Tree<tf.Tensor>> = {
  mlp: (key) =>
    nn.mlp(nn.mlpInit(key, [8, 16, 3], { kernelInit: nn.heNormal, biasInit: nn.torchUniform }), rows, tf.tanh),
  conv2d: (key) => nn.conv2d(nn.conv2dInit(key, 4, 6, 3), image, { stride: 2 }),
  convTranspose2d: (key) =>
    nn.convTranspose2d(nn.convTranspose2dInit(key, 4, 3, 4), image, { stride: 2, outputSize: 11 }),
  depthwiseConv2d: (key) => nn.depthwiseConv2d(nn.depthwiseConv2dInit(key, 4, 3), image),
  norms: () => ({
    layer: nn.layerNorm(nn.layerNormInit(4), image),
    group: nn.groupNorm(nn.groupNormInit(4), image, 2),
    rms: nn.rmsNorm(nn.rmsNormInit(4), image),
  }),
  batchNorm: () => {
    const { params, state } = nn.batchNormInit(4);
    return nn.batchNorm(params, state, image, { training: true }) as never;
  },
  attention: (key) => nn.multiHeadAttention(nn.multiHeadAttentionInit(key, 8), rows, 2, { causal: true }),
  embedding: (key) =>
    nn.embedding(
      nn.embeddingInit(key, 5, 3),
      tf.tensor2d(
        [
          [0, 4],
          [1, 1],
        ],
        [2, 2],
        "int32",
      ),
    ),
  positions: () => nn.sinusoidalPositions(6, 5),
  dropout: (key) => nn.dropout(key, rows, 0.4),
  orthogonal: (key) => nn.orthogonal()(key, [6, 10], { in: 6, out: 10 }),
  samples: (key) => ({
    normal: normalSample(fold(key, 0), vector, zero),
    logistic: logisticSample(fold(key, 1), vector, zero),
    discretized: discretizedLogisticSample(fold(key, 2), vector, tf.scalar(-2)),
    laplace: laplaceSample(fold(key, 3), vector, zero),
    total: logSumExp(normalSample(fold(key, 4), vector, zero)),
  }),
};

describe("compiled", () => {
  it.each(Object.entries(LAYERS))("%s gives what it gives op by op", async (_name, layer) => {
    const engine = eager();
    const key: Key = tf.tensor1d([5, 6], "int32");
    const f = jit(engine, (k: tf.Tensor) => layer(k as Key));
    const compiled = flatten(await f(key));
    const direct = new Map(flatten(layer(key)));
    expect(compiled.map(([path]) => path)).toEqual([...direct.keys()]);
    for (const [path, tensor] of compiled) {
      const expected = direct.get(path) as tf.Tensor;
      expect(tensor.shape).toEqual(expected.shape);
      const [a, b] = [tensor.dataSync(), expected.dataSync()];
      expect(Math.max(...Array.from(a, (v, i) => Math.abs(v - (b[i] as number)))), path).toBeLessThan(1e-6);
    }
    await engine.dispose();
  });
});
