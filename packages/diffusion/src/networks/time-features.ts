import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";

const MAX_PERIOD = 10_000;

/** How sinusoids are spaced and ordered; implementations differ in both. */
export interface SinusoidOptions {
  /** Cosines first. @default false */
  readonly flipSinToCos?: boolean;
  /** Frequencies are `10000^(-i / (half - freqShift))`. @default 0 */
  readonly freqShift?: number;
}

/**
 * Sines and cosines of times at geometrically spaced frequencies; a last column of zeros when `features` is odd.
 * Ho et al., 2020, appendix B. https://arxiv.org/abs/2006.11239
 *
 * @param t Shape `(B,)`, between the steps too. @returns Shape `(B, features)`.
 */
export function sinusoids(t: Tensor, features: number, options: SinusoidOptions = {}): Tensor {
  const { flipSinToCos = false, freqShift = 0 } = options;
  const half = Math.floor(features / 2);
  const rate = -Math.log(MAX_PERIOD) / (half - freqShift);
  const frequencies = tf.tensor(
    Array.from({ length: half }, (_, i) => Math.exp(rate * i)),
    [1, half],
  );
  const angles = tf.mul(tf.reshape(t, [t.size, 1]), frequencies); // (B, half)
  const [first, second] = flipSinToCos ? [tf.cos, tf.sin] : [tf.sin, tf.cos];
  const odd = features % 2 === 0 ? [] : [tf.zeros([t.size, 1])];
  return tf.concat([first(angles), second(angles), ...odd], 1);
}

/** Sines and cosines of `2 pi w ln(sigma)`. Song et al., 2021, appendix C.2 https://arxiv.org/abs/2011.13456 @param w Shape `(F,)`. @returns Shape `(B, 2 F)`. */
export function fourierFeatures(sigma: Tensor, w: Tensor): Tensor {
  const logs = tf.reshape(tf.log(sigma), [sigma.size, 1]);
  const angles = tf.mul(tf.mul(logs, tf.reshape(w, [1, w.size])), 2 * Math.PI);
  return tf.concat([tf.sin(angles), tf.cos(angles)], 1);
}
