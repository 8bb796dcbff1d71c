import type { ScanLatent } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { type Carry, scanOf } from "./course.js";
import { type Diffusion, type DiffusionParams, nullLabels } from "./denoiser.js";
import { DATA, type Level } from "./process/level.js";
import { sampleHeun } from "./samplers/heun.js";
import type { DataState } from "./scale.js";

/** Steps of each way; Heun takes two evaluations a step. */
const STEPS = 24;

/** `sigma / alpha` where the way ends when it could go on to pure noise: the data are a thousandth of the variance there. */
const MAX_RATIO = 80;

/**
 * Noise as a code of the data: the probability-flow equation is invertible, so every datum has one noise that it comes from.
 * Song et al., "Denoising diffusion implicit models", 2020, §4.3 (with Heun's steps, which return more exactly). https://arxiv.org/abs/2010.02502
 */
export function inversion(diffusion: Diffusion): ScanLatent<DiffusionParams, DataState> {
  const { scale, datum, classes } = diffusion;
  const down = wayDown(diffusion, STEPS);
  const noisiest = down[0] as Level;
  const { levelAt } = diffusion.process;
  const course = (levels: readonly Level[]) =>
    scanOf(diffusion, { plan: sampleHeun(levels, { eta: 0, levelAt }), clip: false, guidance: () => 1 });
  const up = course([...down].reverse());
  const back = course([...down, DATA]);
  const labels = (x: Tensor, label: Tensor | undefined) =>
    classes === undefined ? {} : { label: label ?? nullLabels(classes, x.shape[0] as number) };
  return {
    shape: datum.shape,
    encode: {
      steps: up.steps,
      start: (_params, state, { x, label }) =>
        up.begin({ x: tf.mul(scale.scale(state, x), (down[down.length - 1] as Level).alpha), ...labels(x, label) }),
      step: (params, { sigmaData }, carry, i, key) => up.step(params, sigmaData, carry as Carry, i, key),
      finish: (_params, _state, { x }: Carry) => tf.div(x, noisiest.sigma),
    },
    decode: {
      steps: back.steps,
      start: (_params, _state, { z, label }) => back.begin({ x: tf.mul(z, noisiest.sigma), ...labels(z, label) }),
      step: (params, { sigmaData }, carry, i, key) => back.step(params, sigmaData, carry as Carry, i, key),
      finish: (_params, state, { x, view }: Carry) => scale.unscale(state, tf.mul(x, view)),
    },
  };
}

/** Levels from noise to almost clean data, evenly spread as Karras et al. have them. */
export function wayDown({ process }: Diffusion, n: number): Level[] {
  const grid = process.levels(2, process.name === "vp" ? "linspace" : "karras");
  const [noisiest, cleanest] = grid.map(({ alpha, sigma }) => Math.min(MAX_RATIO, sigma / alpha)) as [number, number];
  const [high, low] = [noisiest ** (1 / 7), cleanest ** (1 / 7)];
  return Array.from({ length: n }, (_, i) => process.levelAt((high + (i / (n - 1)) * (low - high)) ** 7));
}
