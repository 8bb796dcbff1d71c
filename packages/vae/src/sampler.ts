import { fold, type Key, normal, randomInteger, type SampleRequest, type Sampling, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { VaeSampleOptions } from "./config.js";
import type { Likelihood } from "./likelihoods.js";
import type { VaeParams } from "./model.js";

/** The generative half of a VAE: what sampling needs of it. */
export interface Generator {
  readonly latentDim: number;
  /** Number of classes when the model is conditional. */
  readonly classes?: number;
  readonly likelihood: Likelihood;
  /** @param z Shape `(N, latentDim)`. @returns Parameters of `p(x|z)`, shape `(N, ...datum.shape)`. */
  decode(params: VaeParams, z: Tensor, label?: Tensor): Tensor;
}

/** What `start` hands to `finish`; `key` only when `p(x|z)` is drawn from. */
export interface LatentDraw {
  readonly z: Tensor;
  readonly label?: Tensor;
  readonly key?: Key;
  readonly [name: string]: Tensor | undefined;
}

/** Ancestral sampling in one go: `z ~ N(0, temperature^2)`, a label when conditional, then `p(x|z)` or its mean. */
export function ancestralSampling(generator: Generator, options: VaeSampleOptions): Sampling<VaeParams, object, any> {
  const { latentDim, likelihood } = generator;
  return {
    steps: 0,
    start(_params, _state, key, request): LatentDraw {
      const z = tf.mul(normal(fold(key, "z"), [request.n, latentDim]), options.temperature);
      const label = drawLabels(generator, key, request);
      return {
        z,
        ...(label === undefined ? {} : { label }),
        ...(options.sampleLikelihood ? { key: fold(key, "x") } : {}),
      };
    },
    finish(params, _state, { z, label, key }: LatentDraw) {
      const output = generator.decode(params, z, label);
      return key === undefined ? likelihood.mean(output) : likelihood.sample(params.likelihood ?? {}, output, key);
    },
  };
}

/** The labels asked for, or uniformly drawn ones, shape `(n,)`; none when the model is not conditional. */
function drawLabels({ classes }: Generator, key: Key, { n, label }: SampleRequest): Tensor | undefined {
  if (classes !== undefined) return label ?? randomInteger(fold(key, "label"), [n], 0, classes);
  if (label === undefined) return undefined;
  throw new UserError(
    "@latentkit/vae",
    "label must not be given to a model trained with conditional: false; train one with conditional: true",
  );
}
