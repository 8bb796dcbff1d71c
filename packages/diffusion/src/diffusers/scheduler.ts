import { type Json, UserError } from "@latentkit/core";
import type { Settings } from "../presets.js";
import type { ScheduleName } from "../process/schedules.js";
import type { TargetName } from "../process/target.js";
import type { JsonObject } from "./json.js";

/** Their words for schedules of beta. */
const SCHEDULES: Readonly<Record<string, ScheduleName>> = {
  linear: "linear",
  scaled_linear: "scaled-linear",
  squaredcos_cap_v2: "cosine",
  sigmoid: "sigmoid",
};
/** Their words for targets of variance-preserving networks. */
const TARGETS: Readonly<Record<string, TargetName>> = { epsilon: "eps", sample: "x0", v_prediction: "v" };

/** What a scheduler says of the process that a network was trained for. */
export interface ReadScheduler {
  /** Options of the model. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The network's answer is the target with the other sign. */
  readonly negated: boolean;
  /** Standard deviation of the data, where the process has one. */
  readonly sigmaData: number | undefined;
  /** What times are multiplied by before the network sees them. */
  readonly timeFactor: number;
}

type Refuse = (text: string) => never;

/** Of Karras et al.'s networks, which are told `ln(sigma) / 4`; ours are told a thousand times that. */
const EDM_TIME = 1e-3;

/**
 * Reads `scheduler/scheduler_config.json`: whatever takes betas is a variance-preserving process, whichever sampler it names.
 *
 * @throws UserError for processes and targets that this package does not have.
 */
export function readScheduler(config: JsonObject, source: string): ReadScheduler {
  const refuse: Refuse = (text) => {
    throw new UserError("@latentkit/diffusion", `${source}: ${text}`);
  };
  const name = String(config._class_name ?? "");
  if (name.startsWith("FlowMatch")) return readFlow(config);
  if (name.startsWith("EDM")) return readEdm(config, refuse);
  if (config.beta_schedule !== undefined || name.startsWith("DDPM") || name.startsWith("DDIM"))
    return readVp(config, refuse);
  return refuse(
    `_class_name ${JSON.stringify(name)} is not supported; known are schedulers with betas, EDM… and FlowMatch…`,
  );
}

/** @throws UserError for a value that is not among the known ones. */
function lookUp<T>(table: Readonly<Record<string, T>>, key: string, value: Json, refuse: Refuse): T {
  if (typeof value === "string" && Object.hasOwn(table, value)) return table[value] as T;
  return refuse(`${key} ${JSON.stringify(value)} is not supported; known are ${Object.keys(table).join(", ")}`);
}

function readVp(config: JsonObject, refuse: Refuse): ReadScheduler {
  const {
    trained_betas: betas = null,
    beta_schedule: schedule = "linear",
    prediction_type: target = "epsilon",
  } = config;
  if (betas !== null) refuse("trained_betas is not supported; give a beta_schedule instead");
  return {
    config: {
      process: "vp",
      schedule: lookUp(SCHEDULES, "beta_schedule", schedule, refuse),
      timesteps: config.num_train_timesteps ?? 1000,
      betaStart: config.beta_start ?? 1e-4,
      betaEnd: config.beta_end ?? 0.02,
      zeroTerminalSnr: config.rescale_betas_zero_snr ?? false,
      target: lookUp(TARGETS, "prediction_type", target, refuse),
      weight: "simple",
    },
    negated: false,
    sigmaData: undefined,
    timeFactor: 1,
  };
}

/** x = (1 - s) x0 + s eps, and the network tells eps - x0. */
function readFlow(config: JsonObject): ReadScheduler {
  return {
    config: { process: "flow", target: "reverse-velocity", weight: "simple", shift: config.shift ?? 1 },
    negated: false,
    sigmaData: undefined,
    timeFactor: 1,
  };
}

function readEdm(config: JsonObject, refuse: Refuse): ReadScheduler {
  const signs = { epsilon: false, v_prediction: true };
  return {
    config: {
      process: "edm",
      target: "edm",
      weight: "edm",
      sigmaMin: config.sigma_min ?? 0.002,
      sigmaMax: config.sigma_max ?? 80,
    },
    negated: lookUp<boolean>(signs, "prediction_type", config.prediction_type ?? "epsilon", refuse),
    sigmaData: Number(config.sigma_data ?? 0.5),
    timeFactor: EDM_TIME,
  };
}

/** What {@link writeScheduler} is told. */
export interface WrittenProcess {
  readonly settings: Settings;
  readonly shift: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  readonly sigmaData: number;
  readonly timeFactor: number;
}

const nameOf = <T>(table: Readonly<Record<string, T>>, value: T): string =>
  Object.keys(table).find((key) => table[key] === value) as string;

/**
 * Writes `scheduler/scheduler_config.json`.
 *
 * @param kept The scheduler that the run came with: its sampler and all it says stay.
 * @returns Whether the network must answer with the other sign, too.
 * @throws UserError for models that diffusers has no words for.
 */
export function writeScheduler(written: WrittenProcess, kept: JsonObject): { config: JsonObject; negated: boolean } {
  const { settings } = written;
  const common = { _diffusers_version: "0.42.1" };
  if (settings.process === "vp") {
    const prediction = nameOf(TARGETS, settings.target);
    if (prediction === undefined) throw unspeakable(settings, "eps, x0 or v");
    checkFactor(written, 1);
    const own = { _class_name: "DDPMScheduler", ...common, clip_sample: true, timestep_spacing: "trailing" };
    const config = {
      ...(kept._class_name === undefined ? own : kept),
      num_train_timesteps: settings.timesteps,
      beta_schedule: nameOf(SCHEDULES, settings.schedule),
      beta_start: settings.betaStart,
      beta_end: settings.betaEnd,
      trained_betas: null,
      rescale_betas_zero_snr: settings.zeroTerminalSnr,
      prediction_type: prediction,
    };
    return { config, negated: false };
  }
  if (settings.process === "flow") {
    if (!settings.target.endsWith("velocity")) throw unspeakable(settings, "velocity or reverse-velocity");
    checkFactor(written, 1);
    const own = { _class_name: "FlowMatchEulerDiscreteScheduler", ...common, num_train_timesteps: 1000 };
    return {
      config: { ...(kept._class_name === undefined ? own : kept), shift: written.shift },
      negated: settings.target === "velocity",
    };
  }
  if (settings.target !== "edm") throw unspeakable(settings, "edm");
  checkFactor(written, EDM_TIME);
  const own = { _class_name: "EDMEulerScheduler", ...common, prediction_type: "epsilon", sigma_schedule: "karras" };
  const { sigmaMin, sigmaMax, sigmaData } = written;
  const base = kept._class_name === undefined ? own : kept;
  const config: JsonObject = { ...base, sigma_min: sigmaMin, sigma_max: sigmaMax, sigma_data: sigmaData };
  return { config, negated: config.prediction_type === "v_prediction" };
}

function unspeakable({ process, target }: Settings, known: string): UserError {
  return new UserError(
    "@latentkit/diffusion",
    `diffusers has no ${process} process whose networks predict ${target}; train with target ${known} to export`,
  );
}

function checkFactor({ timeFactor, settings }: WrittenProcess, expected: number): void {
  if (timeFactor === expected) return;
  throw new UserError(
    "@latentkit/diffusion",
    `diffusers tells networks of process ${settings.process} other times; train with unet.timeFactor ${expected}, or with preset v-prediction, ddpm or flow-matching, to export`,
  );
}
