import { sampleDdim, sampleDdpm, sampleDdpmLarge, sampleEuler, sampleEulerAncestral } from "./ancestral.js";
import { sampleDpmpp2m, sampleDpmpp2mSde } from "./dpm-solver.js";
import { sampleFlowEuler, sampleFlowMidpoint, sampleFlowRk4 } from "./flow.js";
import { sampleHeun } from "./heun.js";

/** Samplers by name: any of them runs any trained model. */
export const samplers = {
  ddpm: sampleDdpm,
  "ddpm-large": sampleDdpmLarge,
  ddim: sampleDdim,
  euler: sampleEuler,
  "euler-ancestral": sampleEulerAncestral,
  heun: sampleHeun,
  dpmpp2m: sampleDpmpp2m,
  "dpmpp2m-sde": sampleDpmpp2mSde,
  "flow-euler": sampleFlowEuler,
  "flow-midpoint": sampleFlowMidpoint,
  "flow-rk4": sampleFlowRk4,
} as const;

export type SamplerName = keyof typeof samplers;
export const SAMPLER_NAMES = Object.keys(samplers) as [SamplerName, ...SamplerName[]];
