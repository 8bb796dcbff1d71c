import { UserError } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { z } from "zod";
import { accumulate } from "./accumulate.js";
import { adam, adamw } from "./adam.js";
import { clipByGlobalNorm, clipByValue } from "./clip.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import { chain, type GradientTransform, type Optimizer } from "./optimizer.js";
import {
  constantSchedule,
  cosineSchedule,
  exponentialSchedule,
  linearSchedule,
  noamSchedule,
  type Schedule,
  type StepCount,
  stepSchedule,
} from "./schedule.js";
import { sgd } from "./sgd.js";

/** What `--set optimizer.…` and a configuration file may say. Options that do not belong to the chosen optimizer are refused. */
export const optimizerSchema = z.strictObject({
  name: z.enum(["adam", "adamw", "sgd", "lion", "muon"]).default("adam").describe("update rule"),
  learningRate: z
    .number()
    .positive()
    .optional()
    .describe("peak learning rate; adam, adamw 1e-3, sgd 0.01, lion 1e-4, muon 0.02"),
  schedule: z
    .enum(["constant", "linear", "cosine", "exponential", "step", "noam"])
    .default("constant")
    .describe("how the learning rate changes over the run"),
  warmup: z
    .number()
    .min(0)
    .refine((value) => value < 1 || Number.isInteger(value), "must be whole from 1 on")
    .default(0)
    .describe("steps of linear warm-up, for cosine and noam; below 1 a share of the run"),
  final: z.number().min(0).default(0).describe("learning rate at the end, for linear and cosine"),
  decayRate: z
    .number()
    .positive()
    .default(0.1)
    .describe("factor over the run (exponential) or at each boundary (step)"),
  boundaries: z
    .array(z.number().int().positive())
    .default([])
    .describe("steps at which the learning rate is multiplied, for step"),
  modelWidth: z.number().int().positive().default(512).describe("width of the transformer, for noam"),
  beta1: z.number().min(0).lt(1).optional().describe("decay of the first moment, for adam, adamw, lion; 0.9"),
  beta2: z
    .number()
    .min(0)
    .lt(1)
    .optional()
    .describe("decay of the second moment, for adam, adamw (0.999), lion (0.99)"),
  epsilon: z.number().positive().optional().describe("added to the root of the second moment, for adam, adamw; 1e-8"),
  momentum: z.number().min(0).lt(1).optional().describe("decay of the velocity, for sgd (0) and muon (0.95)"),
  nesterov: z.boolean().optional().describe("look ahead along the velocity, for sgd (false) and muon (true)"),
  weightDecay: z
    .number()
    .min(0)
    .optional()
    .describe("decoupled decay of kernels, for adamw (0.01), lion (0), muon (0)"),
  clipNorm: z.number().positive().optional().describe("limit of the gradients' global norm"),
  clipValue: z.number().positive().optional().describe("limit of every gradient element"),
  accumulate: z.number().int().min(1).default(1).describe("steps whose gradients are averaged for one update"),
});

/** The same options with nothing filled in: changes to an optimizer that is given elsewhere. */
export const optimizerOverrides = z.strictObject(
  Object.fromEntries(
    Object.entries(optimizerSchema.shape).map(([name, option]) => [
      name,
      (option instanceof z.ZodDefault ? option.unwrap() : (option as z.ZodType)).optional(),
    ]),
  ),
) as unknown as z.ZodObject<{
  [K in keyof typeof optimizerSchema.shape]: z.ZodOptional<z.ZodType<z.output<typeof optimizerSchema>[K]>>;
}>;

/** Some options of an optimizer. */
export type OptimizerOptions = z.input<typeof optimizerSchema>;

/** A complete optimizer configuration. */
export type OptimizerConfig = z.output<typeof optimizerSchema>;

type RuleOption = "beta1" | "beta2" | "epsilon" | "momentum" | "nesterov" | "weightDecay";

const RULE_OPTIONS: Readonly<Record<OptimizerConfig["name"], readonly RuleOption[]>> = {
  adam: ["beta1", "beta2", "epsilon"],
  adamw: ["beta1", "beta2", "epsilon", "weightDecay"],
  sgd: ["momentum", "nesterov"],
  lion: ["beta1", "beta2", "weightDecay"],
  muon: ["momentum", "nesterov", "weightDecay"],
};

const ALL_RULE_OPTIONS = ["beta1", "beta2", "epsilon", "momentum", "nesterov", "weightDecay"] as const;
const DEFAULT_RATE = { adam: 1e-3, adamw: 1e-3, sgd: 0.01, lion: 1e-4, muon: 0.02 } as const;
const RULES = { adam, adamw, sgd, lion, muon } as const;

/** Options over options. Another rule begins with its own learning rate and moments: those of the first mean nothing to it. */
export function overrideOptimizer<T extends OptimizerOptions>(base: T, changes: OptimizerOptions): T {
  const given = Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
  if (changes.name === undefined || changes.name === (base.name ?? "adam")) return { ...base, ...given };
  const dropped: readonly string[] = ["learningRate", ...ALL_RULE_OPTIONS];
  return { ...Object.fromEntries(Object.entries(base).filter(([name]) => !dropped.includes(name))), ...given } as T;
}

function checkRuleOptions(config: OptimizerConfig): void {
  const wrong = ALL_RULE_OPTIONS.find((key) => config[key] !== undefined && !RULE_OPTIONS[config.name].includes(key));
  if (wrong === undefined) return;
  const fitting = Object.entries(RULE_OPTIONS).flatMap(([name, keys]) => (keys.includes(wrong) ? [name] : []));
  throw new UserError(
    "@latentkit/core",
    `optimizer.${wrong} (${config[wrong]}) means nothing to ${config.name}; leave it out or choose optimizer.name ${fitting.join(", ")}`,
  );
}

/** Whole steps that are a share of a run. */
function shareOf(totalSteps: StepCount, share: number): StepCount {
  if (share === 0) return 0;
  if (typeof totalSteps === "number") return Math.floor(share * totalSteps);
  return tf.floor(tf.mul(tf.cast(totalSteps, "float32"), share));
}

/** The learning rate of a configuration over a run of `totalSteps` steps. */
export function scheduleFromConfig(config: OptimizerConfig, totalSteps: StepCount): Schedule {
  const { final, decayRate: rate } = config;
  const warmup = config.warmup < 1 ? shareOf(totalSteps, config.warmup) : config.warmup;
  const peak = config.learningRate ?? DEFAULT_RATE[config.name];
  const makers: Record<OptimizerConfig["schedule"], () => Schedule> = {
    constant: () => constantSchedule(peak),
    linear: () => linearSchedule(peak, final, totalSteps),
    cosine: () => cosineSchedule(peak, { steps: totalSteps, warmup, final }),
    exponential: () => exponentialSchedule(peak, { rate, every: totalSteps }),
    step: () => stepSchedule(peak, { boundaries: config.boundaries, factor: rate }),
    noam: () =>
      noamSchedule({
        dModel: config.modelWidth,
        warmup: typeof warmup === "number" ? Math.max(1, warmup) : tf.maximum(warmup, 1),
        scale: config.learningRate ?? 1,
      }),
  };
  return makers[config.schedule]();
}

/**
 * The optimizer that a configuration describes: clipping, rule, schedule, accumulation.
 *
 * @param config As the user gave it or complete; `{}` is Adam with learning rate 1e-3.
 * @param totalSteps Length of the run, for schedules that span it.
 * @throws UserError for unknown options or values, and for options that the chosen rule does not have.
 */
export function optimizerFromConfig(config: z.input<typeof optimizerSchema>, totalSteps: StepCount): Optimizer {
  const parsed = optimizerSchema.safeParse(config);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = ["optimizer", ...(issue?.path ?? [])].join(".");
    throw new UserError("@latentkit/core", `${path}: ${issue?.message}; see \`latentkit list\` for the options`);
  }
  const complete = parsed.data;
  checkRuleOptions(complete);
  const given = RULE_OPTIONS[complete.name].flatMap((key) =>
    complete[key] === undefined ? [] : [[key, complete[key]] as const],
  );
  const rule = RULES[complete.name]({
    ...Object.fromEntries(given),
    learningRate: scheduleFromConfig(complete, totalSteps),
  });
  const transforms: GradientTransform[] = [];
  if (complete.clipValue !== undefined) transforms.push(clipByValue(complete.clipValue));
  if (complete.clipNorm !== undefined) transforms.push(clipByGlobalNorm(complete.clipNorm));
  return accumulate(transforms.length === 0 ? rule : chain(...transforms, rule), complete.accumulate);
}
