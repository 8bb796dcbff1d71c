#!/usr/bin/env node
/**
 * Eager tfjs-node's side of `steps.mjs`: two of the models written as its users write them, variables and `tf.train.adam`.
 *
 *     node tools/bench/tfjs-node-eager.mjs FOLDER MODEL
 *
 * The GPT is updated with Adam, since tfjs has no AdamW: a little less work than ours.
 */
import { createRequire } from "node:module";
import { join } from "node:path";
import { answerLines } from "./lines.mjs";

const [folder, name] = process.argv.slice(2);
const tf = createRequire(join(folder, "package.json"))("@tensorflow/tfjs-node");

const variables = [];
function variable(value) {
  variables.push(tf.variable(value));
  return variables.at(-1);
}
const drawn = (std, ...shape) => variable(tf.randomNormal(shape, 0, std));
const dense = (inputs, outputs) => ({ w: drawn(inputs ** -0.5, inputs, outputs), b: variable(tf.zeros([outputs])) });
const apply = ({ w, b }, x) => tf.add(tf.matMul(x, w), b);

/** 784-400-20, batch 128. @returns The loss as a function. */
function vae() {
  const [batch, latent] = [128, 20];
  const [hidden, posterior] = [dense(784, 400), dense(400, 2 * latent)];
  const [decoder, output] = [dense(latent, 400), dense(400, 784)];
  const x = tf.cast(tf.greater(tf.randomUniform([batch, 784]), 0.5), "float32");
  return () => {
    const [mu, logVar] = tf.split(apply(posterior, tf.relu(apply(hidden, x))), 2, 1);
    const z = tf.add(mu, tf.mul(tf.randomNormal([batch, latent]), tf.exp(tf.mul(logVar, 0.5))));
    const logits = apply(output, tf.relu(apply(decoder, z)));
    const reconstruction = tf.sum(tf.sub(tf.softplus(logits), tf.mul(logits, x)));
    const kl = tf.mul(tf.sum(tf.sub(tf.sub(tf.add(logVar, 1), tf.square(mu)), tf.exp(logVar))), -0.5);
    return tf.div(tf.add(reconstruction, kl), batch);
  };
}

const norm = (C) => ({ scale: variable(tf.ones([C])), offset: variable(tf.zeros([C])) });

function layerNorm({ scale, offset }, x) {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const inverse = tf.rsqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
  return tf.add(tf.mul(tf.mul(centred, inverse), scale), offset);
}

/** The exact form, which takes the fewest ops; ours is the tanh form. */
function gelu(x) {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** 4 layers, 4 heads, 128 wide, 12 x 64 tokens. */
function gpt() {
  const [layers, H, C, T, B, V] = [4, 4, 128, 64, 12, 65];
  const [tokens, positions] = [drawn(0.02, V, C), drawn(0.02, T, C)];
  const block = () => ({
    norm1: norm(C),
    qkv: drawn(0.02, C, 3 * C),
    output: drawn(0.02, C, C),
    norm2: norm(C),
    expand: drawn(0.02, C, 4 * C),
    contract: drawn(0.02, 4 * C, C),
  });
  const blocks = Array.from({ length: layers }, block);
  const last = norm(C);
  const x = tf.randomUniform([B, T], 0, V, "int32");
  const targets = tf.oneHot(tf.randomUniform([B * T], 0, V, "int32"), V);
  const mask = tf.mul(tf.sub(1, tf.linalg.bandPart(tf.ones([T, T]), -1, 0)), -1e9); // 0 on and below the diagonal
  const project = (w, h) => tf.reshape(tf.matMul(tf.reshape(h, [B * T, w.shape[0]]), w), [B, T, w.shape[1]]);
  const heads = (part) => tf.transpose(tf.reshape(part, [B, T, H, C / H]), [0, 2, 1, 3]);
  const attend = ({ qkv, output }, h) => {
    const [q, k, v] = tf.split(project(qkv, h), 3, 2).map(heads);
    const weights = tf.softmax(tf.add(tf.mul(tf.matMul(q, k, false, true), (C / H) ** -0.5), mask));
    return project(output, tf.reshape(tf.transpose(tf.matMul(weights, v), [0, 2, 1, 3]), [B, T, C]));
  };
  return () => {
    let h = tf.add(tf.gather(tokens, x), positions);
    for (const one of blocks) {
      h = tf.add(h, attend(one, layerNorm(one.norm1, h)));
      h = tf.add(h, project(one.contract, gelu(project(one.expand, layerNorm(one.norm2, h)))));
    }
    const logits = tf.matMul(tf.reshape(layerNorm(last, h), [B * T, C]), tokens, false, true);
    return tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(logits), targets), -1)));
  };
}

const loss = { vae, "gpt-small": gpt }[name]();
const optimizer = tf.train.adam(1e-3);
function step() {
  const value = optimizer.minimize(loss, true, variables);
  const [read] = value.dataSync();
  value.dispose();
  return read;
}

const firstLoss = step();
await answerLines(
  {
    run: async ({ seconds }) => {
      const started = performance.now();
      const elapsed = () => (performance.now() - started) / 1000;
      let steps = 0;
      for (; steps === 0 || elapsed() < seconds; steps++) step();
      return { steps, seconds: elapsed(), rss: process.memoryUsage().rss };
    },
  },
  {
    firstStepSeconds: performance.now() / 1000,
    firstLoss,
    parameters: variables.reduce((sum, { size }) => sum + size, 0),
  },
);
