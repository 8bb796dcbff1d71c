import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { floatSplit } from "./split.js";
import { type Draws, drawsOf } from "./toys/draws.js";

/** Samples a second: that of a telephone. */
const RATE = 8000;

/**
 * Frequencies of the first three formants in Hz, means of men's voices. Peterson & Barney, "Control methods used in a study of the vowels",
 * 1952, table II (https://doi.org/10.1121/1.1906875).
 */
const VOWELS = [
  { name: "ee", formants: [270, 2290, 3010] },
  { name: "eh", formants: [530, 1840, 2480] },
  { name: "ah", formants: [730, 1090, 2440] },
  { name: "aw", formants: [570, 840, 2410] },
  { name: "oo", formants: [300, 870, 2240] },
] as const;
/** Bandwidths of the formants in Hz: those of the synthesizer KLSYN88 (Klatt & Klatt, 1990, https://doi.org/10.1121/1.398894). */
const BANDWIDTHS = [60, 90, 150] as const;
/** Voices differ: formants by so much, and the pitch over this interval in Hz. */
const SPREAD = 0.05;
const PITCH = { low: 90, high: 220 } as const;
/** Breath between the pulses of the voice, against the pulses. */
const BREATH = 0.02;
/** Samples before the first one that is kept: the resonances have built up then. */
const LEAD = 400;

const options = z.object({
  train: z.int().min(1).default(10_000).describe("the number of training sounds, a positive integer"),
  test: z.int().min(1).default(1000).describe("the number of test sounds, a positive integer"),
  length: z
    .int()
    .min(16)
    .max(8000)
    .default(512)
    .describe("the number of values of a sound at 8000 a second, 16 to 8000"),
  dataSeed: z.int().optional().describe("the seed of the sounds, an integer; absent: the run's seed"),
});

export type VowelsOptions = z.input<typeof options>;

/** `vowels`: short spoken vowels, made on the spot. */
export const vowelsFactory = defineDataset({
  name: "vowels",
  summary: "waveforms of five spoken vowels by formant synthesis, 8000 values a second",
  options,
  read: async ({ name, seed, options: { train, test, length, dataSeed = seed } }) => {
    const split = (part: string, n: number) => synthesize(drawsOf(dataSeed, "vowels", part), n, length);
    return {
      name,
      title: "spoken vowels",
      datum: { kind: "continuous", shape: [length], range: [-1, 1], classes: VOWELS.length },
      labelNames: VOWELS.map((vowel) => vowel.name),
      sampleRate: RATE,
      licence: "none needed",
      source: "formant synthesis from the tables of Peterson & Barney, 1952",
      files: {},
      splits: { train: split("train", train), test: split("test", test) },
    };
  },
});

/** Waveforms of shape `(length,)` in [-1, 1] of five vowels, every one in a voice of its own. */
export function vowels(options: VowelsOptions = {}): DatasetSource {
  return sourceOf(vowelsFactory, options);
}

function synthesize(draws: Draws, n: number, length: number) {
  const label = draws.integer("label", n, VOWELS.length);
  const pitch = draws.uniform("pitch", n);
  const phase = draws.uniform("phase", n);
  const loudness = draws.uniform("loudness", n);
  const shift = draws.normal("formants", 3 * n);
  const breath = draws.normal("breath", n * (length + LEAD));
  const values = new Float32Array(n * length);
  for (let i = 0; i < n; i++) {
    const { formants } = VOWELS[label[i] as number] as (typeof VOWELS)[number];
    const source = breath.subarray(i * (length + LEAD), (i + 1) * (length + LEAD));
    const f0 = PITCH.low + (PITCH.high - PITCH.low) * (pitch[i] as number);
    let sound = voice(source, RATE / f0, phase[i] as number);
    for (const [k, formant] of formants.entries()) {
      const frequency = formant * (1 + SPREAD * Math.max(-2, Math.min(2, shift[3 * i + k] as number)));
      sound = resonate(sound, frequency, BANDWIDTHS[k] as number);
    }
    const kept = sound.subarray(LEAD);
    const peak = kept.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const scale = (0.5 + 0.4 * (loudness[i] as number)) / peak;
    values.set(
      kept.map((x) => x * scale),
      i * length,
    );
  }
  return floatSplit(values, [length], label);
}

/** A pulse every `period` values, softened by one pole, in a little noise. */
function voice(breath: Float32Array, period: number, phase: number): Float64Array {
  let next = phase * period;
  let before = 0;
  return Float64Array.from(breath, (noise, t) => {
    const pulse = t >= next ? 1 : 0;
    if (pulse === 1) next += period;
    before = 0.9 * before + pulse + BREATH * noise;
    return before;
  });
}

/** A two-pole resonance with gain one at zero frequency: Klatt, 1980, eq. 1-2 (https://doi.org/10.1121/1.383940). */
function resonate(x: Float64Array, frequency: number, bandwidth: number): Float64Array {
  const c = -Math.exp((-2 * Math.PI * bandwidth) / RATE);
  const b = 2 * Math.exp((-Math.PI * bandwidth) / RATE) * Math.cos((2 * Math.PI * frequency) / RATE);
  const a = 1 - b - c;
  let [y1, y2] = [0, 0];
  return x.map((value) => {
    const y = a * value + b * y1 + c * y2;
    [y2, y1] = [y1, y];
    return y;
  });
}
