import {
  type DatumSpec,
  fold,
  type Key,
  normal,
  randomInteger,
  type SampleInput,
  type SampleRequest,
  type Sampling,
  UserError,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { DiffusionSampleOptions } from "./config.js";
import { type Carry, scanOf } from "./course.js";
import type { Diffusion, DiffusionParams } from "./denoiser.js";
import { DATA, type Level, ratioOf } from "./process/level.js";
import { type SamplerName, samplers } from "./samplers/index.js";
import type { Evaluation } from "./samplers/plan.js";
import { resampled } from "./samplers/resample.js";
import type { DataState } from "./scale.js";

/** Steps when none are asked for. */
const DEFAULT_STEPS = { images: 20, others: 50 };

/** How far a picture goes towards noise when it is to be changed and nobody says how much. */
const DEFAULT_STRENGTH = 0.6;

/** Samplers that renew noise, and how much of it when nobody says. */
const DEFAULT_ETA: Partial<Record<SamplerName, number>> = { ddim: 0, "euler-ancestral": 1, "dpmpp2m-sde": 1 };

/** An image (or vector) to start from, and which part of it to fill in. */
export function sampleInputs({ shape, range }: DatumSpec): Readonly<Record<"init" | "mask", SampleInput>> {
  const plane = shape.length === 3 ? [...shape.slice(0, 2), 1] : shape;
  return {
    init: {
      shape,
      ...(range ? { range } : {}),
      summary: "what to change, or to complete where a mask says so, in the data's own range",
    },
    mask: { shape: plane, summary: "1 where to fill in, 0 where init is kept as it is" },
  };
}

/**
 * From noise to data, or from what is given.
 *
 * @param given Names of the inputs, see {@link sampleInputs}.
 * @throws UserError for options that do not fit the model, the sampler or what is given.
 */
export function diffusionSampling(
  diffusion: Diffusion,
  options: DiffusionSampleOptions,
  given: readonly string[],
): Sampling<DiffusionParams, DataState, any> {
  const name = options.sampler === "auto" ? diffusion.settings.sampler : options.sampler;
  checkOptions(diffusion, options, name, given);
  const strength = options.strength ?? (given.includes("init") && !given.includes("mask") ? DEFAULT_STRENGTH : 1);
  const plan = planOf(diffusion, options, name, strength);
  const { scale } = diffusion;
  const scan = scanOf(diffusion, {
    plan,
    clip: options.clip,
    guidance: (level) => guidanceAt(options, level),
  });
  return {
    steps: scan.steps,
    start(_params, state, key, request) {
      const { known, mask } = knownPart(diffusion, state, request);
      const base = strength < 1 ? known : known && mask && tf.mul(tf.sub(1, mask), known);
      const noise = normal(fold(key, "noise"), [request.n, ...diffusion.datum.shape]);
      const carry = scan.begin({
        x: startAt((plan[0] as Evaluation).at, base, noise),
        ...labelsOf(diffusion, key, request),
        ...(known && mask ? { known, mask } : {}),
      });
      return mask === undefined ? carry : { ...carry, given: request.inputs?.init };
    },
    step: (params, { sigmaData }, carry, i, key) => scan.step(params, sigmaData, carry as Carry, i, key),
    finish(_params, state, { x, view, mask, given: original }: Carry) {
      const data = scale.unscale(state, tf.mul(x, view));
      if (mask === undefined || original === undefined) return data;
      return tf.where(tf.greater(tf.mul(mask, tf.onesLike(data)), 0.5), data, original); // known values to the bit
    },
  };
}

/** The sampler's plan along the levels from the given share of the way to noise. */
function planOf(
  { process, datum }: Diffusion,
  { steps, spacing, eta, resample }: DiffusionSampleOptions,
  name: SamplerName,
  strength: number,
): Evaluation[] {
  const n = steps ?? (datum.shape.length === 3 ? DEFAULT_STEPS.images : DEFAULT_STEPS.others);
  const levels = process.levels(n, spacing);
  const from = levels.slice(n - Math.max(1, Math.round(n * strength)));
  return resampled(
    samplers[name],
    resample,
    name,
  )([...from, DATA], {
    eta: eta ?? DEFAULT_ETA[name] ?? 0,
    levelAt: process.levelAt,
  });
}

function guidanceAt({ guidance, guidanceInterval }: DiffusionSampleOptions, level: Level): number {
  if (guidanceInterval === undefined) return guidance;
  const [low, high] = guidanceInterval;
  const ratio = ratioOf(level);
  return ratio >= low && ratio <= high ? guidance : 1; // Kynkäänniemi et al., 2024. https://arxiv.org/abs/2404.07724
}

/** Noise around what the start is made from. */
function startAt({ alpha, sigma }: Level, base: Tensor | undefined, noise: Tensor): Tensor {
  const scaled = tf.mul(noise, sigma);
  return base === undefined ? scaled : tf.add(tf.mul(base, alpha), scaled);
}

/** Scaled data that are given, and the mask, 1 where to fill in, in the shape of the data but for the channels. */
function knownPart({ scale }: Diffusion, state: DataState, { inputs = {} }: SampleRequest) {
  const { init, mask } = inputs;
  return {
    known: init && scale.scale(state, init),
    mask: mask && tf.cast(tf.greater(mask, 0.5), "float32"),
  };
}

/** Labels asked for, or uniformly drawn ones; none when the model is not conditional. */
function labelsOf({ classes }: Diffusion, key: Key, { n, label }: SampleRequest): { label?: Tensor } {
  if (classes === undefined) return {};
  return { label: label ?? randomInteger(fold(key, "label"), [n], 0, classes) };
}

function checkOptions(
  { classes, config }: Diffusion,
  { guidance, guidanceInterval, eta, strength }: DiffusionSampleOptions,
  name: SamplerName,
  given: readonly string[],
): void {
  const refuse = (text: string): never => {
    throw new UserError("@latentkit/diffusion", text);
  };
  if ((guidance !== 1 || guidanceInterval) && classes === undefined)
    refuse(
      `guidance must be 1 for a model trained with conditional: false, got ${guidance}; train one with conditional: true`,
    );
  if ((guidance !== 1 || guidanceInterval) && config.dropLabel === 0)
    refuse(
      `guidance must be 1 for a model trained with dropLabel 0, got ${guidance}: it has no unconditional side; train one with dropLabel 0.1`,
    );
  if (guidanceInterval && guidanceInterval[0] > guidanceInterval[1])
    refuse(`guidanceInterval must be two rising numbers, got ${JSON.stringify(guidanceInterval)}; turn them round`);
  if (eta !== undefined && !(name in DEFAULT_ETA))
    refuse(
      `eta means nothing to sampler ${name}, got ${eta}; leave it out or use ${Object.keys(DEFAULT_ETA).join(", ")}`,
    );
  if (given.includes("mask") && !given.includes("init"))
    refuse("mask was given without init: there is nothing to keep; give the data to complete too");
  if (strength !== undefined && strength < 1 && !given.includes("init"))
    refuse(`strength must be 1 when sampling from noise alone, got ${strength}; give init too, or leave it out`);
}
