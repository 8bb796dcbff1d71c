#!/usr/bin/env node
/**
 * Trains the evaluation classifier of a data set with latentkit's own compiler and optimizer, and writes its weights into
 * packages/evaluation-classifiers/assets with their sha256 and test accuracy. Equal options give equal bytes on one kind of machine.
 *
 *     node tools/train-classifier.mjs mnist
 *     node tools/train-classifier.mjs fashion-mnist      # needs Debian's dataset-fashion-mnist (or fashion-mnist:FOLDER)
 *
 * Options: --epochs N --batch-size 128 --learning-rate 2e-3 --seed 0 --out FOLDER
 */
import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  adamw,
  cosineSchedule,
  emaUpdate,
  encodeSafetensors,
  flatten,
  fold,
  hostKey,
  hostTensor,
  mapTree,
  philoxPermutation,
  philoxUniform,
  softmaxCrossEntropy,
} from "@latentkit/core";
import { fashionMnist, mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { cnn, cnnInit } from "@latentkit/evaluation-classifiers";
import { compile, evalShape } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";

const SIDE = 28;
const EVALUATION_BATCH = 500;
const EMA_DECAY = 0.999;

/** What training sees of an image: shifted by up to two pixels; clothes may be mirrored, digits may not. */
const RECIPES = {
  mnist: { source: () => mnist(), shift: 2, mirror: false, epochs: 10 },
  "fashion-mnist": { source: (folder) => fashionMnist(folder), shift: 1, mirror: true, epochs: 12 },
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: "string" },
    "batch-size": { type: "string", default: "128" },
    "learning-rate": { type: "string", default: "2e-3" },
    seed: { type: "string", default: "0" },
    out: {
      type: "string",
      default: fileURLToPath(new URL("../packages/evaluation-classifiers/assets", import.meta.url)),
    },
  },
});
const [name = "", folder] = (positionals[0] ?? "").split(/:(.*)/s);
const recipe = RECIPES[name];
if (recipe === undefined) throw new Error(`name a data set, ${Object.keys(RECIPES).join(" or ")}, got "${name}"`);
const epochs = Number(values.epochs ?? recipe.epochs);
const batchSize = Number(values["batch-size"]);
const seed = Number(values.seed);
const dataset = await recipe.source(folder).load(0);
const { train, test } = dataset.splits;
const stepsPerEpoch = Math.floor(train.size / batchSize);
const steps = epochs * stepsPerEpoch;

/** A batch of the epoch's permutation, augmented; a function of (seed, step). */
function batchOf(step, order) {
  const start = (step % stepsPerEpoch) * batchSize;
  const { x, label } = train.gather(order.subarray(start, start + batchSize));
  const draws = new Float32Array(batchSize * 3);
  philoxUniform(hostKey(seed, "augment", step), draws.length, draws);
  const out = new Float32Array(x.data.length);
  for (let i = 0; i < batchSize; i++) {
    const [dy, dx] = [0, 1].map((j) => Math.floor(draws[3 * i + j] * (2 * recipe.shift + 1)) - recipe.shift);
    const mirrored = recipe.mirror && draws[3 * i + 2] < 0.5;
    copyShifted(x.data, out, i * SIDE * SIDE, { dy, dx, mirrored });
  }
  return { x: hostTensor(out, x.shape), label };
}

/** One image moved by (dy, dx), black where nothing was. */
function copyShifted(from, to, offset, { dy, dx, mirrored }) {
  for (let r = Math.max(0, dy); r < Math.min(SIDE, SIDE + dy); r++) {
    for (let c = Math.max(0, dx); c < Math.min(SIDE, SIDE + dx); c++) {
      const source = mirrored ? SIDE - 1 - (c - dx) : c - dx;
      to[offset + r * SIDE + c] = from[offset + (r - dy) * SIDE + source];
    }
  }
}

const optimizer = adamw({
  learningRate: cosineSchedule(Number(values["learning-rate"]), { steps, warmup: Math.min(200, steps - 1) }),
  weightDecay: 0.01,
});

/** The first parameters, their average and the optimizer's state. */
const start = (_state, _inputs, key) => {
  const params = cnnInit(key);
  return { state: { params, ema: params, optimizer: optimizer.init(params) } };
};

/** One update: cross entropy, gradients, AdamW, moving average. */
const update = ({ params, ema, optimizer: before }, { x, label, step }, key) => {
  const leaves = flatten(params);
  const loss = () => tf.mean(softmaxCrossEntropy(cnn(params, x, fold(key, "dropout")).logits, label));
  const { value, grads } = tf.engine().gradients(
    loss,
    leaves.map(([, leaf]) => leaf),
  );
  const byPath = new Map(leaves.map(([path], i) => [path, grads[i]]));
  const stepped = optimizer.step(
    params,
    mapTree(params, (_, path) => byPath.get(path)),
    before,
    { step },
  );
  const average = emaUpdate(ema, stepped.params, step, { decay: EMA_DECAY });
  return { state: { params: stepped.params, ema: average, optimizer: stepped.state }, outputs: { loss: value } };
};

const engine = onnx();
const store = engine.createStore();
const spec = (shape, dtype = "float32") => ({ shape, dtype });
const state = evalShape((_inputs, key) => start({}, {}, key).state, {});
const initial = await compile(engine, start, { state: {}, inputs: {} }, store);
await initial.run({}, hostKey(seed, "init"));
const inputs = { x: spec([batchSize, SIDE, SIDE, 1]), label: spec([batchSize], "int32"), step: spec([], "int32") };
const training = await compile(engine, update, { state, inputs }, store);
const classify = await compile(
  engine,
  ({ ema }, { x }) => ({ outputs: { label: tf.argMax(cnn(ema, x).logits, -1) } }),
  { state: { ema: state.ema }, inputs: { x: spec([EVALUATION_BATCH, SIDE, SIDE, 1]) } },
  store,
);

/** Share of the test images that the average of the weights names rightly. */
async function testAccuracy() {
  let right = 0;
  for (let from = 0; from < test.size; from += EVALUATION_BATCH) {
    const { x, label } = test.gather(Int32Array.from({ length: EVALUATION_BATCH }, (_, i) => from + i));
    const found = (await classify.run({ x })).label.data;
    for (let i = 0; i < EVALUATION_BATCH; i++) if (found[i] === label.data[i]) right++;
  }
  return right / test.size;
}

const cpuSeconds = () => process.cpuUsage().user / 1e6;
console.log(`${name} from ${dataset.source}; ${train.size} train, ${test.size} test; ${steps} steps`);
const begin = cpuSeconds();
for (let epoch = 0; epoch < epochs; epoch++) {
  const order = philoxPermutation(hostKey(seed, "data", epoch), train.size);
  let sum = 0;
  for (let i = 0; i < stepsPerEpoch; i++) {
    const step = epoch * stepsPerEpoch + i;
    const result = await training.run(
      { ...batchOf(step, order), step: hostTensor([step], [], "int32") },
      hostKey(seed, "train", step),
    );
    sum += result.loss.data[0];
  }
  const accuracy = await testAccuracy();
  console.log(
    `epoch ${epoch + 1}: loss ${(sum / stepsPerEpoch).toFixed(4)}, test ${(100 * accuracy).toFixed(2)} %, ${(cpuSeconds() - begin).toFixed(0)} s of cpu`,
  );
}

const accuracy = await testAccuracy();
const paths = [...store.specs().keys()].filter((path) => path.startsWith("ema."));
const weights = new Map([...(await store.read(paths))].map(([path, tensor]) => [path.slice("ema.".length), tensor]));
await engine.dispose();
const metadata = {
  trainedOn: `${dataset.title}, ${train.size} training images (${dataset.source})`,
  testAccuracy: String(accuracy),
  epochs: String(epochs),
  batchSize: String(batchSize),
  learningRate: values["learning-rate"],
  seed: String(seed),
  ...Object.fromEntries(Object.entries(dataset.files).map(([file, hash]) => [`sha256 ${file}`, hash])),
};
const bytes = encodeSafetensors(weights, metadata);
await mkdir(values.out, { recursive: true });
await writeFile(join(values.out, `${name}-cnn.safetensors`), bytes);
console.log(
  `${name}-cnn.safetensors: ${bytes.length} bytes, sha256 ${createHash("sha256").update(bytes).digest("hex")}, test accuracy ${(100 * accuracy).toFixed(2)} %`,
);
