import { type DatumSpec, UserError } from "@latentkit/core";
import type { VaeConfig } from "./config.js";
import {
  type Binarization,
  bernoulliLikelihood,
  discretizedLogisticLikelihood,
  gaussianLikelihood,
  type Likelihood,
} from "./likelihoods.js";

type Asked = Pick<VaeConfig, "likelihood" | "binarize" | "scale">;

/**
 * The likelihood that the options ask for, `auto` resolved by the data.
 *
 * @throws UserError when `p(x|z)` cannot be right for the data: it would give probability to values that cannot occur,
 * none to values that do, or is not normalised on them.
 */
export function chooseLikelihood(asked: Asked, datum: DatumSpec): Likelihood {
  if (datum.kind === "tokens" || datum.kind === "pairs") {
    throw refusal(`data must be continuous or binary, got ${datum.kind}; train an autoregressive model on them`);
  }
  const name = asked.likelihood === "auto" ? autoLikelihood(datum) : asked.likelihood;
  if (name === "bernoulli") return bernoulliLikelihood(datum, chooseBinarization(asked, datum));
  if (asked.binarize === "dynamic" || asked.binarize === "threshold") {
    throw refusal(
      `binarize must be none with likelihood ${name}, got ${asked.binarize}; binary data need likelihood bernoulli`,
    );
  }
  if (name === "gaussian") {
    checkGaussian(asked, datum);
    return gaussianLikelihood(datum, asked.scale);
  }
  checkDiscretizedLogistic(datum);
  return discretizedLogisticLikelihood(datum, asked.scale);
}

function autoLikelihood({ kind, range, levels, shape }: DatumSpec): Likelihood["name"] {
  if (kind === "binary") return "bernoulli";
  if (range === undefined || levels === undefined) return "gaussian";
  return shape.length === 3 && shape[2] === 1 ? "bernoulli" : "discretized-logistic";
}

function chooseBinarization({ binarize }: Asked, { kind, range }: DatumSpec): Binarization {
  if (kind === "binary") return "none"; // values 0 and 1 survive every binarisation
  if (range === undefined) {
    throw refusal(
      'likelihood must not be bernoulli on unbounded data, got "bernoulli": only values 0 and 1 have a probability; set likelihood to gaussian',
    );
  }
  if (binarize === "none") {
    throw refusal(
      'binarize must be dynamic or threshold for likelihood bernoulli on gray values, got "none": between 0 and 1 it is not a normalised likelihood and its nats mean nothing; or set likelihood to gaussian',
    );
  }
  return binarize === "auto" ? "dynamic" : binarize;
}

function checkGaussian({ scale }: Asked, { kind, levels }: DatumSpec): void {
  if (kind === "binary") {
    throw refusal(
      'likelihood must be bernoulli on binary data, got "gaussian": its density has no upper bound on two values; set likelihood to bernoulli',
    );
  }
  if (scale === "pixel" && levels !== undefined) {
    throw refusal(
      'scale must be shared or a number for likelihood gaussian on data with levels, got "pixel": a pixel that never changes has unbounded density; or set likelihood to discretized-logistic',
    );
  }
}

function checkDiscretizedLogistic({ kind, range, levels }: DatumSpec): void {
  if (kind === "binary") {
    throw refusal(
      'likelihood must be bernoulli on binary data, got "discretized-logistic"; set likelihood to bernoulli',
    );
  }
  if (range === undefined || levels === undefined || levels < 2) {
    throw refusal(
      "likelihood discretized-logistic needs data with a range and equally spaced levels, these have none; set likelihood to gaussian",
    );
  }
}

const refusal = (message: string): UserError => new UserError("@latentkit/vae", message);
