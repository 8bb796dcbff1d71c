import {
  fold,
  type Key,
  normal,
  randomInteger,
  type SampleRequest,
  type Sampling,
  UserError,
  uniform,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { GanSampleOptions } from "./config.js";
import { decode, type Gan, type GanParams, type GanState } from "./players.js";

/** What `start` hands to `finish`. */
interface Noise {
  readonly z: Tensor;
  readonly label?: Tensor;
  readonly [name: string]: Tensor | undefined;
}

/** Noise in, a datum out: `z ~ N(0, I)`, cut off where asked, a label when conditional, and the generator. */
export function noiseSampling(gan: Gan, { truncation }: GanSampleOptions): Sampling<GanParams, GanState, any> {
  const { latentDim } = gan.settings;
  return {
    steps: 0,
    start(_params, _state, key, request): Noise {
      const shape = [request.n, latentDim];
      const label = drawLabels(gan, key, request);
      const z = truncation === undefined ? normal(fold(key, "z"), shape) : cutNormal(fold(key, "z"), shape, truncation);
      return { z, ...(label === undefined ? {} : { label }) };
    },
    finish: (params, state, { z, label }: Noise) => decode(gan, params, state, z, label),
  };
}

/** The labels asked for, or uniformly drawn ones, shape `(n,)`; none when the model is not conditional. */
function drawLabels({ classes }: Gan, key: Key, { n, label }: SampleRequest): Tensor | undefined {
  if (classes !== undefined) return label ?? randomInteger(fold(key, "label"), [n], 0, classes);
  if (label === undefined) return undefined;
  throw new UserError(
    "@latentkit/gan",
    "label must not be given to a model trained with conditional: false; train one with conditional: true",
  );
}

/**
 * A normal distribution restricted to `[-limit, limit]`, by its inverse: `sqrt 2 erf^-1(u)` for u uniform between the ends' values.
 * The truncation trick: Brock, Donahue, Simonyan, "Large scale GAN training", 2018, §3.1. https://arxiv.org/abs/1809.11096
 */
export function cutNormal(key: Key, shape: readonly number[], limit: number): Tensor {
  const end = erf(limit / Math.SQRT2);
  return tf.clipByValue(tf.mul(inverseErf(uniform(key, shape, -end, end)), Math.SQRT2), -limit, limit);
}

/** The error function of a host number, by its series; 1 beyond 5. */
function erf(x: number): number {
  if (x > 5) return 1;
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

/** Coefficients of the two polynomials of Giles, highest power first. */
const CENTRE = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 0.00021858087, -0.00125372503, -0.00417768164,
  0.246640727, 1.50140941,
];
const TAIL = [
  -0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773, -0.0076224613, 0.00943887047,
  1.00167406, 2.83297682,
];

const polynomial = (coefficients: readonly number[], w: Tensor): Tensor =>
  coefficients
    .slice(1)
    .reduce<Tensor>((sum, c) => tf.add(tf.mul(sum, w), c), tf.fill(w.shape, coefficients[0] as number));

/**
 * The inverse error function in single precision, relative error below 1e-6. Giles, "Approximating the erfinv function", 2010.
 *
 * @param x In (-1, 1).
 */
function inverseErf(x: Tensor): Tensor {
  const w = tf.neg(tf.log(tf.maximum(tf.sub(1, tf.square(x)), 1e-30)));
  const centre = polynomial(CENTRE, tf.sub(w, 2.5));
  const tail = polynomial(TAIL, tf.sub(tf.sqrt(w), 3));
  return tf.mul(tf.where(tf.less(w, 5), centre, tail), x);
}
