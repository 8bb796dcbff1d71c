import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { key, mean, numbers, tensorLevels } from "../../test/support.js";
import { edmProcess } from "./edm.js";
import { flowProcess } from "./flow.js";
import { DATA, type Level, mix, ratioOf } from "./level.js";
import { alphaBars, type ScheduleName } from "./schedules.js";
import { discreteTimes, karrasSigmas } from "./spacing.js";
import { TARGET_NAMES, targetOf, viewsOf } from "./target.js";
import { vpProcess } from "./vp.js";
import { targetWeight, type WeightName } from "./weights.js";

const usual = { timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false };
const bars = (schedule: ScheduleName, options = {}) => alphaBars({ ...usual, ...options, schedule });
const vp = (schedule: ScheduleName, options = {}) => vpProcess({ ...usual, ...options, schedule });
const edm = edmProcess({ logMean: -1.2, logStd: 1.2, sigmaMin: 0.002, sigmaMax: 80 });
const flow = flowProcess({ times: "uniform", shift: 1 });

describe("schedules", () => {
  it("linear is the product of evenly spaced steps", () => {
    const table = bars("linear");
    const log = (t: number) =>
      Array.from({ length: t + 1 }, (_, i) => Math.log1p(-(1e-4 + (0.0199 * i) / 999))).reduce((a, b) => a + b);
    for (const t of [0, 1, 499, 999]) expect(Math.log(table[t] as number)).toBeCloseTo(log(t), 10);
    expect(table[999]).toBeCloseTo(4.0358e-5, 8); // Ho et al.: nearly nothing left
  });

  it("scaled-linear is linear in the root of beta", () => {
    const table = bars("scaled-linear", { betaStart: 0.00085, betaEnd: 0.012 });
    const middle = 1 - (table[500] as number) / (table[499] as number);
    expect(Math.sqrt(middle)).toBeCloseTo(
      Math.sqrt(0.00085) + ((Math.sqrt(0.012) - Math.sqrt(0.00085)) * 500) / 999,
      10,
    );
  });

  it("cosine follows Nichol & Dhariwal's curve until no step may take more", () => {
    const table = bars("cosine");
    const curve = (s: number) =>
      Math.cos(((s + 0.008) / 1.008) * (Math.PI / 2)) ** 2 / Math.cos((0.008 / 1.008) * (Math.PI / 2)) ** 2;
    for (const t of [0, 100, 500, 900, 997]) expect(table[t]).toBeCloseTo(curve((t + 1) / 1000), 9);
    expect((table[999] as number) / (table[998] as number)).toBeCloseTo(0.001, 9);
  });

  it("sigmoid's middle step has the mean of its ends", () => {
    const table = bars("sigmoid", { timesteps: 1001 });
    expect(1 - (table[500] as number) / (table[499] as number)).toBeCloseTo((1e-4 + 0.02) / 2, 10);
  });

  it("zero terminal SNR ends in nothing and keeps the first step", () => {
    for (const schedule of ["linear", "scaled-linear", "cosine"] as const) {
      const [before, after] = [bars(schedule), bars(schedule, { zeroTerminalSnr: true })];
      expect(after[999]).toBe(0);
      expect(after[0]).toBeCloseTo(before[0] as number, 12);
      expect([...after].every((bar, t) => t === 0 || bar < (after[t - 1] as number))).toBe(true);
    }
  });

  it("refuses variances that are none", () => {
    expect(() => bars("linear", { betaEnd: 1.5 })).toThrow("betaStart and betaEnd must be between 0 and 1");
  });
});

describe("time-steps", () => {
  it("trailing, leading and linspace are those of diffusers", () => {
    expect(discreteTimes("trailing", 5, 1000)).toEqual([999, 799, 599, 399, 199]);
    expect(discreteTimes("leading", 5, 1000)).toEqual([800, 600, 400, 200, 0]);
    expect(discreteTimes("linspace", 5, 1000)).toEqual([999, 749, 500, 250, 0]);
    expect(discreteTimes("trailing", 3, 10)).toEqual([9, 6, 2]); // 10, 6.67, 3.33
    expect(discreteTimes("trailing", 1, 1000)).toEqual([999]);
  });

  it("are all of them when as many are asked for, falling always", () => {
    expect(discreteTimes("trailing", 7, 7)).toEqual([6, 5, 4, 3, 2, 1, 0]);
    for (const spacing of ["trailing", "leading", "linspace"] as const)
      for (const steps of [2, 3, 9, 27, 333]) {
        const times = discreteTimes(spacing, steps, 1000);
        expect(
          times.every((t, i) => i === 0 || t < (times[i - 1] as number)),
          `${spacing} ${steps}`,
        ).toBe(true);
      }
  });

  it("refuses more than there are, and spacings that a process does not have", () => {
    const refusal = "steps must be at most 1000, the time-steps that the model was trained with, got 1001";
    for (const spacing of ["auto", "karras"] as const)
      expect(() => vp("linear").levels(1001, spacing)).toThrow(refusal);
    expect(() => edm.levels(4, "trailing")).toThrow("spacing must be auto or karras for process edm");
    expect(() => vp("linear", { zeroTerminalSnr: true }).levels(4, "karras")).toThrow("zeroTerminalSnr");
  });

  it("Karras's grid runs from the largest to the smallest noise", () => {
    const sigmas = karrasSigmas(18, 0.002, 80);
    expect(sigmas[0]).toBeCloseTo(80, 10);
    expect(sigmas[17]).toBeCloseTo(0.002, 10);
    expect(sigmas[9]).toBeCloseTo((80 ** (1 / 7) + (9 / 17) * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7, 10);
  });
});

describe("levels", () => {
  it("a place between two time-steps has the exact noise, and the time in between", () => {
    const process = vp("linear");
    const table = process.levels(1000, "trailing");
    const [above, below] = [table[400] as Level, table[401] as Level];
    const middle = process.levelAt(Math.sqrt(ratioOf(above) * ratioOf(below)));
    expect(middle.time).toBeCloseTo((above.time + below.time) / 2, 8);
    expect(middle.alpha ** 2 + middle.sigma ** 2).toBeCloseTo(1, 12);
    expect(process.levelAt(ratioOf(above))).toEqual({
      alpha: expect.closeTo(above.alpha, 10),
      sigma: expect.closeTo(above.sigma, 10),
      time: expect.closeTo(above.time, 6),
    });
    expect(process.levelAt(0)).toBe(DATA);
  });

  it("a flow begins in pure noise, its shift moves times as diffusers do", () => {
    expect(flow.levels(4, "auto").map(({ alpha, sigma, time }) => [alpha, sigma, time])).toEqual([
      [0, 1, 1000],
      [0.25, 0.75, 750],
      [0.5, 0.5, 500],
      [0.75, 0.25, 250],
    ]);
    const shifted = flowProcess({ times: "uniform", shift: 3 }).levels(4, "auto");
    expect(shifted[2]?.sigma).toBeCloseTo((3 * 0.5) / (1 + 2 * 0.5), 12);
  });

  it("are drawn in training as the papers say", () => {
    const n = 4096;
    const logSigma = numbers(tf.log(edm.draw(key(1), n).sigma));
    expect(mean(logSigma)).toBeCloseTo(-1.2, 2);
    expect(Math.sqrt(mean(logSigma.map((x) => (x + 1.2) ** 2)))).toBeCloseTo(1.2, 1);
    const middle = logSigma.filter((x) => Math.abs(x + 1.2) < 1.2).length / n;
    expect(middle).toBeCloseTo(0.6827, 2); // one standard deviation of a normal
    const times = numbers(vp("linear").draw(key(2), 2000).time);
    expect(new Set(times).size).toBe(1000); // evenly spread: every time-step twice
    expect(times.every((t) => Number.isInteger(t) && t >= 0 && t < 1000)).toBe(true);
    const { alpha, sigma } = flow.draw(key(3), n);
    expect(numbers(tf.add(alpha, sigma)).every((sum) => Math.abs(sum - 1) < 1e-6)).toBe(true);
    expect(mean(numbers(alpha))).toBeCloseTo(0.5, 3);
    expect(numbers(edm.draw(key(1), 8).sigma)).not.toEqual(numbers(edm.draw(key(4), 8).sigma));
  });
});

const places: Level[] = [
  ...[0, 300, 999].map((t) => vp("linear").levels(1000, "trailing")[999 - t] as Level),
  ...[0.01, 0.6, 30].map(edm.levelAt),
  ...[0.05, 1, 9].map(flow.levelAt),
];

describe("targets", () => {
  const n = places.length;
  const sigmaData = tf.scalar(0.6);
  const levels = tensorLevels(places);
  const x0 = tf.tensor2d(
    Array.from({ length: 2 * n }, (_, i) => Math.sin(3 * i)),
    [n, 2],
  );
  const eps = tf.tensor2d(
    Array.from({ length: 2 * n }, (_, i) => Math.cos(5 * i)),
    [n, 2],
  );
  const x = mix(levels, x0, eps);

  it.for(TARGET_NAMES)("%s and x say what the data and the noise are", (target) => {
    const views = viewsOf(target, x, targetOf(target, { x0, eps }, levels, sigmaData), levels, sigmaData);
    const worst = (a: tf.Tensor, b: tf.Tensor) => numbers(tf.abs(tf.sub(a, b)));
    // what has vanished in x cannot be told exactly in float32: the error grows with the share of the other part
    const ratio = (i: number) => ratioOf(places[i >> 1] as Level);
    for (const [i, error] of worst(views.x0, x0).entries()) expect(error).toBeLessThan(2e-6 * (1 + ratio(i)));
    for (const [i, error] of worst(views.eps, eps).entries()) expect(error).toBeLessThan(2e-6 * (1 + 1 / ratio(i)));
  });

  it("follow the closed forms of their papers", () => {
    const value = (name: (typeof TARGET_NAMES)[number]) => numbers(targetOf(name, { x0, eps }, levels, sigmaData));
    const [data, noise, noisy] = [numbers(x0), numbers(eps), numbers(x)];
    const expected = (f: (x: number, d: number, e: number, level: Level) => number) =>
      data.map((d, i) => f(noisy[i] as number, d, noise[i] as number, places[i >> 1] as Level));
    const check = (name: (typeof TARGET_NAMES)[number], f: Parameters<typeof expected>[0]) =>
      value(name).forEach((v, i) => {
        expect(v, `${name} ${i}`).toBeCloseTo(expected(f)[i] as number, 4);
      });
    check("eps", (_x, _d, e) => e);
    check("x0", (_x, d) => d);
    check("v", (_x, d, e, { alpha, sigma }) => alpha * e - sigma * d);
    check("velocity", (_x, d, e) => d - e);
    check("reverse-velocity", (_x, d, e) => e - d);
    // Karras et al., table 1, at alpha = 1
    const last = expected((noisy, d, _e, { alpha, sigma: s }) => {
      if (alpha !== 1) return Number.NaN;
      const [sd2, s2] = [0.6 ** 2, s ** 2];
      return (d - (sd2 / (s2 + sd2)) * noisy) / ((s * 0.6) / Math.sqrt(s2 + sd2));
    });
    value("edm").forEach((v, i) => {
      if (!Number.isNaN(last[i])) expect(v, `edm ${i}`).toBeCloseTo(last[i] as number, 3);
    });
  });

  it("Karras et al.'s target on a variance-preserving process with unit data is -v", () => {
    const vpLevels = tensorLevels(places.slice(0, 3));
    const part = (t: tf.Tensor) => tf.slice(t, [0, 0], [3, 2]);
    const views = { x0: part(x0), eps: part(eps) };
    const f = numbers(targetOf("edm", views, vpLevels, tf.scalar(1)));
    const v = numbers(targetOf("v", views, vpLevels, tf.scalar(1)));
    f.forEach((value, i) => {
      expect(value).toBeCloseTo(-(v[i] as number), 4);
    });
  });
});

describe("weights", () => {
  const level = vp("linear").levels(1000, "trailing")[600] as Level;
  const snr = (level.alpha / level.sigma) ** 2;
  const weight = (name: WeightName, target: (typeof TARGET_NAMES)[number], at = level, sd = 0.5) =>
    numbers(targetWeight(name, tensorLevels([at]), tf.scalar(sd), { target, gamma: 5 }))[0] as number;
  const clean = vp("linear").levels(1000, "trailing")[950] as Level;
  const cleanSnr = (clean.alpha / clean.sigma) ** 2;

  it("min-SNR in the units of each target: Hang et al., §3.4", () => {
    expect(cleanSnr).toBeGreaterThan(5);
    expect(snr).toBeLessThan(5);
    expect(weight("min-snr", "eps")).toBeCloseTo(1, 4);
    expect(weight("min-snr", "eps", clean)).toBeCloseTo(5 / cleanSnr, 4);
    expect(weight("min-snr", "x0", clean)).toBeCloseTo(5, 3);
    expect(weight("min-snr", "v", clean)).toBeCloseTo(5 / (cleanSnr + 1), 4);
  });

  it("simple is 1 in the units of every target", () => {
    for (const target of TARGET_NAMES) expect(weight("simple", target)).toBe(1);
  });

  it("EDM's is 1 on its own target and 1 / cOut^2 on the data", () => {
    const at = edm.levelAt(0.7);
    expect(weight("edm", "edm", at)).toBe(1);
    expect(weight("edm", "x0", at)).toBeCloseTo((0.49 + 0.25) / (0.7 * 0.5) ** 2, 3);
  });

  it("soft min-SNR on EDM's target is k-diffusion's", () => {
    const s = 0.7;
    expect(weight("soft-min-snr", "edm", edm.levelAt(s))).toBeCloseTo((s * 0.5) ** 2 / (s ** 2 + 0.25) ** 2, 4);
  });
});
