import {
  compile,
  type Engine,
  fold,
  type HostTensor,
  hostKey,
  hostTensor,
  type Key,
  sizeOf,
  softmaxCrossEntropy,
  UserError,
} from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { batchOrder } from "../batches.js";
import type { Split } from "../data.js";
import type { Batch, GenerativeModel } from "../model.js";
import { batchSpecs, modelSpecs, parameterCount } from "../model-specs.js";
import * as nn from "../nn/index.js";
import { Session } from "../session.js";
import { trainConfigSchema } from "../train-config.js";
import {
  activeObjectives,
  initialState,
  stepInputSpecs,
  stepInputs,
  trainStateSpecs,
  trainStep,
} from "../train-step.js";
import { shareOf } from "./classes.js";
import type { Estimate } from "./frechet.js";
import { shifted } from "./shifted.js";

/** Examples with the class of each. */
export interface LabelledSet {
  /** float32, shape `(n, ...)`. */
  readonly x: HostTensor;
  /** int32, shape `(n,)`. */
  readonly label: HostTensor;
}

/** How a classifier is made; the same recipe every time, so that only the data decide. */
export interface ClassifierRecipe {
  /** `linear`: logistic regression; `small`: two convolutions of stride 2 for pictures, two hidden layers for all other data. */
  readonly network: "linear" | "small";
  readonly classes: number;
  /** Passes over the training set. */
  readonly passes: number;
  /** Pictures are moved by up to so many pixels each way, anew on every pass; not at all when absent. */
  readonly shift?: number;
  readonly learningRate: number;
  readonly seed: number;
}

/** How well a classifier does on data that it has not seen. */
export interface ClassifierResult {
  /** Share named rightly, with the binomial error over the test examples. */
  readonly accuracy: Estimate;
  readonly parameters: number;
}

const BATCH = 128;
/** Small sets are passed over more often: a classifier must have the time to learn. */
const LEAST_STEPS = 300;

/**
 * Trains a classifier on one set and tests it on another: Adam with a cosine schedule and a moving average of the weights.
 *
 * @throws UserError when a value is not finite.
 */
export async function trainAndTest(
  engine: Engine,
  train: LabelledSet,
  test: LabelledSet,
  recipe: ClassifierRecipe,
): Promise<ClassifierResult> {
  const { passes, learningRate, seed, shift = 0 } = recipe;
  checkValues(train.x);
  const model = classifier(train.x, recipe);
  const split = splitOf(train);
  const isMoved = shift > 0 && train.x.shape.length === 4;
  const batchSize = Math.min(BATCH, split.size);
  const steps = Math.max(LEAST_STEPS, Math.round((passes * split.size) / batchSize));
  const optimizer = { name: "adam", learningRate, schedule: "cosine" };
  const config = { ...trainConfigSchema.parse({ steps, batchSize, seed, optimizer, emaDecay: 0.99 }), steps };
  const specs = modelSpecs(model, split, batchSize);
  const store = engine.createStore();
  try {
    const batch = batchSpecs(split, batchSize);
    const order = batchOrder(split.size, batchSize, seed);
    const init = await compile(engine, initialState(model, config), { state: {}, inputs: { batch } }, store);
    await init.run({ batch: split.gather(order.indices(0)) }, hostKey(seed, "init"));
    const step = await compile(
      engine,
      trainStep(model, activeObjectives(model, 0), config),
      {
        state: trainStateSpecs(model, specs, config),
        inputs: stepInputSpecs(batch),
      },
      store,
    );
    for (let t = 0; t < steps; t++) {
      const drawn = split.gather(order.indices(t));
      const x = isMoved ? shifted(drawn.x as HostTensor, shift, hostKey(seed, "shift", t)) : drawn.x;
      await step.run(stepInputs({ ...drawn, x: x as HostTensor }, t, steps), hostKey(seed, "train", t));
    }
    const right = await new Session(model, engine, store, specs, "ema").perExample(isRight(model), splitOf(test));
    return { accuracy: shareOf(right.data, (value) => value > 0.5), parameters: parameterCount(specs) };
  } finally {
    await store.dispose();
  }
}

/** Labelled examples of any model's data as an objective to minimise: the training loop asks for no more. */
type Classifier = GenerativeModel<{ layers: nn.MlpParams }, object> & {
  logits(params: nn.MlpParams, x: Tensor): Tensor;
};

function classifier(train: HostTensor, { network, classes }: ClassifierRecipe): Classifier {
  const [, ...shape] = train.shape;
  const standardise = standardiser(train);
  const body = network === "small" && shape.length === 3 ? pictures(shape, classes) : vectors(shape, classes, network);
  const logits = (params: nn.MlpParams, x: Tensor) => body.apply(params, standardise(x));
  return {
    datum: { kind: "continuous", shape, classes },
    logits,
    init: (key) => ({ params: { layers: body.init(key) }, state: {} }),
    objectives: [
      {
        name: "classifier",
        trains: ["layers"],
        loss: ({ layers }, _state, { x, label }) => ({
          loss: tf.mean(softmaxCrossEntropy(logits(layers, x), label as Tensor)),
        }),
      },
    ],
    sampling: () => {
      throw new Error("a classifier does not sample");
    },
  };
}

const isRight =
  ({ logits }: Classifier) =>
  ({ layers }: { layers: nn.MlpParams }, _state: object, { x, label }: Batch): Tensor =>
    tf.cast(tf.equal(tf.cast(tf.argMax(logits(layers, x), -1), "int32"), label as Tensor), "float32");

interface Body {
  init(key: Key): nn.MlpParams;
  apply(params: nn.MlpParams, x: Tensor): Tensor;
}

const relu = { kernelInit: nn.heNormal };
const HIDDEN = [128, 128] as const;

function vectors(shape: readonly number[], classes: number, network: ClassifierRecipe["network"]): Body {
  const inputs = sizeOf(shape);
  const sizes = [inputs, ...(network === "linear" ? [] : HIDDEN), classes];
  return {
    init: (key) => nn.mlpInit(key, sizes, network === "linear" ? { kernelInit: nn.zeros } : relu),
    apply: (params, x) => nn.mlp(params, tf.reshape(x, [-1, inputs])),
  };
}

/** Convolutions of 16 and 32 channels that halve the picture, a hidden layer of 64. */
function pictures([height = 0, width = 0, channels = 0]: readonly number[], classes: number): Body {
  const flat = Math.ceil(Math.ceil(height / 2) / 2) * Math.ceil(Math.ceil(width / 2) / 2) * 32;
  return {
    init: (key) => ({
      conv0: nn.conv2dInit(fold(key, 0), channels, 16, 5, relu),
      conv1: nn.conv2dInit(fold(key, 1), 16, 32, 3, relu),
      hidden: nn.linearInit(fold(key, 2), flat, 64, relu),
      logits: nn.linearInit(fold(key, 3), 64, classes),
    }),
    apply({ conv0, conv1, hidden, logits }, x) {
      const first = tf.relu(nn.conv2d(conv0 as nn.KernelParams, x, { stride: 2 }));
      const second = tf.relu(nn.conv2d(conv1 as nn.KernelParams, first, { stride: 2 }));
      const h = tf.relu(nn.linear(hidden as nn.KernelParams, tf.reshape(second, [-1, flat])));
      return nn.linear(logits as nn.KernelParams, h);
    },
  };
}

/** Values less their mean over their deviation, those of the training set: of all values of pictures, of each value of all other data. */
function standardiser({ data, shape: [n = 0, ...shape] }: HostTensor): (x: Tensor) => Tensor {
  const size = shape.length === 3 ? 1 : sizeOf(shape);
  const [sums, squares] = [new Float64Array(size), new Float64Array(size)];
  for (let i = 0; i < data.length; i++) {
    const [at, value] = [i % size, data[i] as number];
    sums[at] = (sums[at] as number) + value;
    squares[at] = (squares[at] as number) + value * value;
  }
  const count = (n * sizeOf(shape)) / size;
  const mean = sums.map((sum) => sum / count);
  const scale = squares.map((sum, i) => 1 / (Math.sqrt(Math.max(0, sum / count - (mean[i] as number) ** 2)) || 1));
  const constant = (values: Float64Array) => tf.tensor(Float32Array.from(values), size === 1 ? [] : [...shape]);
  return (x) => tf.mul(tf.sub(x, constant(mean)), constant(scale));
}

/** Examples in memory as a split. */
function splitOf({ x, label }: LabelledSet): Split {
  const [size = 0, ...shape] = x.shape;
  const width = sizeOf(shape);
  return {
    size,
    fields: { x: { shape, dtype: "float32" }, label: { shape: [], dtype: "int32" } },
    gather(indices) {
      const data = new Float32Array(indices.length * width);
      const labels = new Int32Array(indices.length);
      for (let i = 0; i < indices.length; i++) {
        const from = indices[i] as number;
        data.set(x.data.subarray(from * width, (from + 1) * width), i * width);
        labels[i] = label.data[from] as number;
      }
      return {
        x: hostTensor(data, [indices.length, ...shape]),
        label: hostTensor(labels, [indices.length], "int32"),
      };
    },
  };
}

function checkValues({ data }: HostTensor): void {
  if (data.every(Number.isFinite)) return;
  throw new UserError(
    "@latentkit/core",
    "a classifier cannot be trained on values that are not finite; the model diverged, use an earlier checkpoint",
  );
}
