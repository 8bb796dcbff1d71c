import { type TrainConfigInput, UserError } from "@latentkit/core";
import type { DiffusionConfig } from "./config.js";
import { edmProcess } from "./process/edm.js";
import { flowProcess } from "./process/flow.js";
import type { Process } from "./process/process.js";
import type { ScheduleOptions } from "./process/schedules.js";
import type { TargetName } from "./process/target.js";
import { vpProcess } from "./process/vp.js";
import type { WeightName } from "./process/weights.js";
import type { SamplerName } from "./samplers/index.js";

type PresetName = Exclude<DiffusionConfig["preset"], "auto">;

/** Everything about the method, nothing left open: what a preset decides, and an option may change. */
export interface Settings extends ScheduleOptions {
  readonly process: Process["name"];
  readonly target: TargetName;
  readonly weight: WeightName;
  /** Used when no sampler is asked for. */
  readonly sampler: SamplerName;
}

/** The model of Ho et al.; what the others are told as differences from. */
const DDPM: Settings = {
  process: "vp",
  schedule: "linear",
  timesteps: 1000,
  betaStart: 1e-4,
  betaEnd: 0.02,
  zeroTerminalSnr: false,
  target: "eps",
  weight: "simple",
  sampler: "dpmpp2m",
};

const PRESETS: Readonly<Record<PresetName, Partial<Settings>>> = {
  // Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", 2020. https://arxiv.org/abs/2006.11239
  ddpm: {},
  // Nichol & Dhariwal, "Improved denoising diffusion probabilistic models", 2021, §3.2. https://arxiv.org/abs/2102.09672
  "improved-ddpm": { schedule: "cosine" },
  // Salimans & Ho, "Progressive distillation", 2022, §4, weighted as Hang et al., 2023. https://arxiv.org/abs/2202.00512 https://arxiv.org/abs/2303.09556
  "v-prediction": { schedule: "cosine", target: "v", weight: "min-snr" },
  // Karras et al., "Elucidating the design space of diffusion-based generative models", 2022. https://arxiv.org/abs/2206.00364
  edm: { process: "edm", target: "edm", weight: "edm" },
  // Lipman et al., "Flow matching for generative modeling", 2022. https://arxiv.org/abs/2210.02747
  "flow-matching": { process: "flow", target: "velocity", sampler: "flow-midpoint" },
};

/** The options given, over those of the preset. @throws UserError for a target that cannot work. */
export function settingsOf(config: DiffusionConfig): Settings {
  const preset = config.preset === "auto" ? "edm" : config.preset;
  const base = { ...DDPM, ...PRESETS[preset] };
  const given = Object.keys(DDPM).flatMap((name) => {
    const value = (config as Record<string, unknown>)[name];
    return value === undefined ? [] : [[name, value]];
  });
  const settings: Settings = { ...base, ...Object.fromEntries(given) };
  if (settings.zeroTerminalSnr && settings.target === "eps") {
    throw new UserError(
      "@latentkit/diffusion",
      'target must be v or x0 with zeroTerminalSnr, got "eps": at the last time-step the noise says nothing of the data',
    );
  }
  if (settings.zeroTerminalSnr && settings.process !== "vp") {
    throw new UserError(
      "@latentkit/diffusion",
      `zeroTerminalSnr belongs to process vp, got "${settings.process}"; leave it out`,
    );
  }
  return settings;
}

/** The process of the settings. */
export function processOf(settings: Settings, config: DiffusionConfig): Process {
  if (settings.process === "vp") return vpProcess(settings);
  if (settings.process === "flow") return flowProcess({ times: config.times, shift: config.shift });
  if (config.sigmaMin < config.sigmaMax) return edmProcess(config);
  throw new UserError(
    "@latentkit/diffusion",
    `sigmaMin must be below sigmaMax, got ${config.sigmaMin} and ${config.sigmaMax}; 0.002 and 80 are usual`,
  );
}

/** Training options that suit images, and others. Large gradients come from single examples at rare noise levels. */
export function trainingOf(shape: readonly number[]): TrainConfigInput {
  const images = shape.length === 3;
  return {
    batchSize: images ? 128 : 512,
    optimizer: { learningRate: images ? 1e-3 : 2e-3, schedule: "cosine", clipNorm: 1 },
    emaDecay: images ? 0.999 : 0.99,
  };
}
