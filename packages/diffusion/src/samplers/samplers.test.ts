import { describe, expect, it } from "vitest";
import { mixtureDenoiser, runPlan, twoBumps } from "../../test/support.js";
import { edmProcess } from "../process/edm.js";
import { flowProcess, flowTime, ratioAtTime } from "../process/flow.js";
import { DATA, type Level, ratioOf } from "../process/level.js";
import { vpProcess } from "../process/vp.js";
import { SAMPLER_NAMES, type SamplerName, samplers } from "./index.js";
import { resampled } from "./resample.js";

const edm = edmProcess({ logMean: -1.2, logStd: 1.2, sigmaMin: 0.002, sigmaMax: 80 });
const straight = flowProcess({ times: "uniform", shift: 1 });
const linear = { schedule: "linear", timesteps: 1000, betaStart: 1e-4, betaEnd: 0.02, zeroTerminalSnr: false } as const;
const vp = vpProcess(linear);
const zeroSnr = vpProcess({ ...linear, zeroTerminalSnr: true });
const processes = { edm, straight, vp } as const;

type Ways = keyof typeof processes;
const optionsOf = (name: Ways, eta = 0) => ({ eta, levelAt: processes[name].levelAt });

/** Levels between two ratios, evenly in `log(sigma / alpha)` or in the time of straight lines. */
function path(name: Ways, n: number, even: "log" | "time", from = 4, to = 0.1): Level[] {
  const { levelAt } = processes[name];
  const [t0, t1] = [from, to].map((ratio) => 1 / (1 + ratio)) as [number, number];
  return Array.from({ length: n + 1 }, (_, i) =>
    levelAt(even === "log" ? from * (to / from) ** (i / n) : ratioAtTime(t0 + ((t1 - t0) * i) / n)),
  );
}

const known = new Map<string, number>();

/** Where the exact probability flow takes a number: Runge-Kutta with steps so small that its error, of fourth order, is below 1e-9. */
function exact(name: Ways, x: number): number {
  const place = `${name} ${x}`;
  const end = known.get(place) ?? runPlan(samplers["flow-rk4"](path(name, 400, "time"), optionsOf(name)), twoBumps, x);
  known.set(place, end);
  return end;
}

/** log2 of how much smaller the error is with twice the steps. */
function orderOf(sampler: SamplerName, way: Ways, even: "log" | "time", n: number): number {
  const starts = [-3, -0.7, 0.4, 2.5].map((z) => z * processes[way].levelAt(4).sigma);
  const error = (steps: number) =>
    Math.hypot(
      ...starts.map(
        (x) => runPlan(samplers[sampler](path(way, steps, even), optionsOf(way)), twoBumps, x) - exact(way, x),
      ),
    );
  return Math.log2(error(n) / error(2 * n));
}

describe("order of convergence on a mixture of normals", () => {
  it.for([
    ["ddim", "log", 1],
    ["euler", "log", 1],
    ["flow-euler", "time", 1],
    ["heun", "log", 2],
    ["dpmpp2m", "log", 2],
    ["dpmpp2m-sde", "log", 2],
    ["flow-midpoint", "time", 2],
    ["flow-rk4", "time", 4],
  ] as const)("%s, steps even in %s: order %d", ([sampler, even, order]) => {
    for (const way of Object.keys(processes) as Ways[]) {
      const observed = orderOf(sampler, way, even, order === 4 ? 16 : 64);
      expect(observed, `${sampler} on ${way}`).toBeGreaterThan(order - 0.25);
      expect(observed, `${sampler} on ${way}`).toBeLessThan(order + 0.35);
    }
  });
});

describe("samplers that are the same thing", () => {
  const ends = [...vp.levels(7, "trailing"), DATA];
  const coefficients = (name: SamplerName, levels: readonly Level[], eta: number, way: Ways = "vp") =>
    samplers[name](levels, optionsOf(way, eta)).flatMap(({ x }) => [x.x ?? 0, x.denoised ?? 0, x.noise ?? 0]);
  const close = (a: number[], b: number[]) => {
    expect(a.length).toBe(b.length);
    a.forEach((value, i) => {
      expect(Math.abs(value - (b[i] as number)), `coefficient ${i}`).toBeLessThan(1e-9);
    });
  };

  it("DDIM with eta 1 is DDPM with the posterior's variance", () => {
    for (const levels of [ends, [...zeroSnr.levels(5, "trailing"), DATA], [...edm.levels(9, "auto"), DATA]]) {
      close(coefficients("ddim", levels, 1), coefficients("ddpm", levels, 0));
    }
  });

  it("Euler in sigma / alpha is DDIM with eta 0, from pure noise too", () => {
    for (const levels of [ends, [...zeroSnr.levels(5, "trailing"), DATA], [...straight.levels(6, "auto"), DATA]]) {
      close(coefficients("euler", levels, 0), coefficients("ddim", levels, 0));
    }
  });

  it("Euler along straight lines is DDIM", () => {
    const levels = [...straight.levels(6, "auto"), DATA];
    close(coefficients("flow-euler", levels, 0, "straight"), coefficients("ddim", levels, 0, "straight"));
  });

  it("ancestral Euler with eta 1 is DDPM on a process without shrinking, and with eta 0 Euler", () => {
    const levels = [...edm.levels(9, "auto"), DATA];
    close(coefficients("euler-ancestral", levels, 1), coefficients("ddpm", levels, 0));
    close(coefficients("euler-ancestral", levels, 0), coefficients("euler", levels, 0));
  });

  it("SDE-DPM-Solver++ with eta 0 is DPM-Solver++", () => {
    const plan = (name: SamplerName) =>
      samplers[name](ends, optionsOf("vp", 0)).flatMap(({ x }) => [x.x ?? 0, x.denoised ?? 0, x.a ?? 0, x.noise ?? 0]);
    close(plan("dpmpp2m-sde"), plan("dpmpp2m"));
  });
});

describe("DDPM's posterior", () => {
  it("has the mean and the variances of Ho et al., eq. 7, for neighbouring time-steps", () => {
    const betas = Array.from({ length: 1000 }, (_, t) => 1e-4 + ((0.02 - 1e-4) * t) / 999);
    const bar = (t: number) => betas.slice(0, t + 1).reduce((product, beta) => product * (1 - beta), 1);
    const t = 400;
    const levels = [t, t - 1].map((time) => vp.levels(1000, "trailing")[999 - time] as Level);
    const small = samplers.ddpm(levels, optionsOf("vp"))[0]?.x as Record<string, number>;
    const large = samplers["ddpm-large"](levels, optionsOf("vp"))[0]?.x as Record<string, number>;
    const beta = betas[t] as number;
    expect(small.denoised).toBeCloseTo((Math.sqrt(bar(t - 1)) * beta) / (1 - bar(t)), 10);
    expect(small.x).toBeCloseTo((Math.sqrt(1 - beta) * (1 - bar(t - 1))) / (1 - bar(t)), 10);
    expect(small.noise).toBeCloseTo(Math.sqrt(((1 - bar(t - 1)) / (1 - bar(t))) * beta), 10);
    expect(large.noise).toBeCloseTo(Math.sqrt(beta), 10);
  });
});

describe.each(SAMPLER_NAMES)("%s", (name) => {
  const normalNumbers = [0.3, -1.1, 0.7, 0.2, -0.4, 1.6, -0.9];

  it("ends in finite numbers for any number of steps on any process", () => {
    for (const [way, process] of [
      ["edm", edm],
      ["straight", straight],
      ["vp", vp],
      ["vp", zeroSnr],
    ] as const) {
      for (const steps of [1, 2, 3, 9, 27]) {
        const levels = [...process.levels(steps, "auto"), DATA];
        const plan = samplers[name](levels, { eta: 1, levelAt: process.levelAt });
        const x = runPlan(plan, twoBumps, 0.5 * (levels[0] as Level).sigma, (i) => normalNumbers[i % 7] as number);
        expect(Number.isFinite(x), `${steps} steps on ${way}`).toBe(true);
        expect(plan.every(({ at }) => at.sigma > 0)).toBe(true);
      }
    }
  });

  it("gives the same plan whatever was planned before", () => {
    const plan = () => samplers[name]([...edm.levels(5, "auto"), DATA], optionsOf("edm", 1));
    const before = JSON.stringify(plan());
    samplers[name]([...vp.levels(31, "auto"), DATA], optionsOf("vp", 0.5));
    expect(JSON.stringify(plan())).toBe(before);
  });

  it("turns noise into a normal distribution of the right width", () => {
    const normal = mixtureDenoiser([{ weight: 1, mean: 0, std: 0.5 }]);
    const { levelAt } = edm;
    const levels = [...Array.from({ length: 60 }, (_, i) => levelAt(20 * (0.01 / 20) ** (i / 59))), DATA];
    const plan = samplers[name](levels, { eta: 1, levelAt });
    const spread = (start: number, at: number) => runPlan(plan, normal, start, (i) => (i === at ? 1 : 0));
    // everything is linear in the start and in each fresh number, so variances add
    const variance = plan.reduce((sum, _, i) => sum + spread(0, i) ** 2, spread(20, -1) ** 2);
    expect(Math.sqrt(variance)).toBeGreaterThan(0.45);
    expect(Math.sqrt(variance)).toBeLessThan(0.56);
  });
});

describe("inversion", () => {
  it("goes up the levels and comes back", () => {
    const down = path("edm", 40, "log", 20, 0.01);
    for (const name of ["heun", "flow-midpoint", "flow-rk4"] as const) {
      const up = samplers[name]([...down].reverse(), optionsOf("edm"));
      const z = runPlan(up, twoBumps, 0.37);
      expect(runPlan(samplers[name](down, optionsOf("edm")), twoBumps, z), name).toBeCloseTo(0.37, 2);
    }
  });
});

describe("resampling", () => {
  it("repeats every step from where it began, with the noise between the two levels", () => {
    const levels = [...vp.levels(4, "auto"), DATA];
    const plan = resampled(samplers.ddim, 3, "ddim")(levels, optionsOf("vp"));
    expect(plan).toHaveLength(12);
    const [back, again, down] = plan as [(typeof plan)[0], (typeof plan)[0], (typeof plan)[0]];
    expect(back).toEqual(again);
    // a datum that is known exactly keeps its distribution: x_t = alpha x0 + sigma eps
    const { x, denoised, noise } = back.x as Record<string, number>;
    const [from] = levels as [Level];
    expect((x as number) * from.alpha + (denoised as number)).toBeCloseTo(from.alpha, 10);
    expect(Math.hypot((x as number) * from.sigma, noise as number)).toBeCloseTo(from.sigma, 10);
    expect(down.x).toEqual(samplers.ddim(levels, optionsOf("vp"))[0]?.x);
  });

  it("is refused where steps depend on each other", () => {
    const levels = [...vp.levels(4, "auto"), DATA];
    for (const name of ["dpmpp2m", "heun", "flow-rk4"] as const)
      expect(() => resampled(samplers[name], 2, name)(levels, optionsOf("vp"))).toThrow(/resample 2 needs a sampler/);
  });
});

it("a level of a straight path has the time of its ratio", () => {
  for (const ratio of [0.01, 1, 7]) expect(flowTime(straight.levelAt(ratio))).toBeCloseTo(1 / (1 + ratio), 12);
  expect(ratioOf(vp.levelAt(1.7))).toBeCloseTo(1.7, 12);
});
