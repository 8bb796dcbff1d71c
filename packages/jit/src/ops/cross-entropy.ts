import {
  abs,
  add,
  cast,
  expandDims,
  logSoftmax,
  mul,
  neg,
  oneHot,
  relu,
  sigmoid,
  softmax,
  softplus,
  sub,
  sum,
  type Tensor,
  zerosLike,
} from "@tensorflow/tfjs-core";
import { defineComposite } from "../composite.js";

const sigmoidKernel = defineComposite<{ logits: Tensor; targets: Tensor }>({
  name: "SigmoidCrossEntropy",
  inputs: ["logits", "targets"],
  forward: ({ logits, targets }) => add(sub(relu(logits), mul(logits, targets)), softplus(neg(abs(logits)))),
  gradient: ([dy], { logits, targets }) => ({
    logits: () => mul(dy as Tensor, sub(sigmoid(logits as Tensor), targets as Tensor)),
    targets: () => neg(mul(dy as Tensor, logits as Tensor)),
  }),
});

/**
 * Negative log-likelihood of Bernoulli variables, `max(l, 0) - l x + log(1 + exp(-|l|))` nats, element by element.
 *
 * @param logits `l`, any shape. @param targets `x` of the same shape, in [0, 1]. @returns As `logits`.
 * @throws RangeError when the shapes differ.
 */
export function sigmoidCrossEntropy(logits: Tensor, targets: Tensor): Tensor {
  if (logits.shape.join() !== targets.shape.join()) {
    throw new RangeError(
      `sigmoidCrossEntropy: logits [${logits.shape}] and targets [${targets.shape}] differ in shape`,
    );
  }
  return sigmoidKernel({ logits, targets }, {}) as Tensor;
}

const softmaxKernel = defineComposite<{ logits: Tensor; labels: Tensor }>({
  name: "SoftmaxCrossEntropy",
  inputs: ["logits", "labels"],
  forward: ({ logits, labels }) => neg(sum(mul(logSoftmax(logits), classMask(logits, labels)), -1)),
  gradient: ([dy], { logits, labels }) => ({
    logits: () =>
      mul(expandDims(dy as Tensor, -1), sub(softmax(logits as Tensor), classMask(logits as Tensor, labels as Tensor))),
    labels: () => zerosLike(cast(labels as Tensor, "float32")),
  }),
});

function classMask(logits: Tensor, labels: Tensor): Tensor {
  return oneHot(labels as never, logits.shape[logits.rank - 1] as number, 1, 0, "float32") as Tensor;
}

/**
 * Negative log-likelihood of classes, nats.
 *
 * @param logits Shape `(..., K)`. @param labels int32, shape `(...)`, values in `[0, K)`. @returns Shape `(...)`.
 * @throws RangeError when the shapes do not fit each other.
 */
export function softmaxCrossEntropy(logits: Tensor, labels: Tensor): Tensor {
  if (logits.shape.slice(0, -1).join() !== labels.shape.join()) {
    throw new RangeError(`softmaxCrossEntropy: logits [${logits.shape}] do not fit labels [${labels.shape}]`);
  }
  return softmaxKernel({ logits, labels }, {}) as Tensor;
}
