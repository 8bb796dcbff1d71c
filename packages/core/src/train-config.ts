import { UserError } from "@latentkit/jit";
import { z } from "zod";
import type { GenerativeModel } from "./model.js";
import {
  type OptimizerConfig,
  optimizerFromConfig,
  optimizerOverrides,
  optimizerSchema,
  overrideOptimizer,
} from "./optim/index.js";
import { parseOptions } from "./options.js";

/** How a model is trained: serialisable, saved in the run's `config.json`. */
export const trainConfigSchema = z.strictObject({
  steps: z.int().min(1).optional().describe("updates to do; `epochs` times the steps of an epoch when absent"),
  epochs: z
    .number()
    .positive()
    .optional()
    .describe("passes over the training data, when `steps` is not given; 10 when nothing says how long"),
  minutes: z
    .number()
    .positive()
    .optional()
    .describe(
      "time limit of the updates alone, without compiling, evaluation and saving; without `steps` and `epochs` as many updates as the measured speed allows, so that schedules end in time",
    ),
  batchSize: z.int().min(1).default(128).describe("examples an update"),
  seed: z.int().default(0).describe("everything random follows from it: initial weights, data order, noise"),
  optimizer: optimizerSchema.prefault({}).describe("the update rule and its learning rate"),
  optimizers: z
    .record(z.string(), optimizerOverrides)
    .default({})
    .describe("changes to the optimizer by objective, for models with several: {discriminator: {learningRate: 4e-4}}"),
  emaDecay: z
    .number()
    .min(0)
    .lt(1)
    .default(0.999)
    .describe("decay of the moving average of the weights, which sampling and evaluation use; 0: none"),
  maxGradNorm: z
    .number()
    .positive()
    .optional()
    .describe("updates with a larger global gradient norm are skipped; none when absent"),
  maxSkipped: z.int().min(1).default(20).describe("stop after so many skipped updates in a row"),
  logEvery: z.int().min(1).default(50).describe("steps between log lines"),
  evaluateEvery: z.int().min(0).default(0).describe("steps between evaluations on the test split; 0: only at the end"),
  evaluateLimit: z
    .int()
    .min(0)
    .default(1000)
    .describe("test examples of an evaluation on the way, drawn once; 0: all. The one at the end always takes all"),
  checkpointEvery: z.int().min(0).default(1000).describe("steps between checkpoints; 0: only at the end"),
});

/** A complete training configuration. */
export type TrainConfig = z.output<typeof trainConfigSchema>;
/** A training configuration as users give it: everything has a default. */
export type TrainConfigInput = z.input<typeof trainConfigSchema>;

const EPOCHS = 10;

/** Total number of updates of a configuration. */
export function totalSteps({ steps, epochs = EPOCHS }: Pick<TrainConfig, "steps" | "epochs">, stepsPerEpoch: number) {
  return steps ?? Math.max(1, Math.round(epochs * stepsPerEpoch));
}

/** Whether only a time says how long to train: the number of updates must be measured. */
export function isTimed({ steps, epochs, minutes }: Pick<TrainConfig, "steps" | "epochs" | "minutes">): boolean {
  return minutes !== undefined && steps === undefined && epochs === undefined;
}

/** Examples of a test split that an evaluation on the way measures. */
export function estimateSize({ evaluateLimit }: Pick<TrainConfig, "evaluateLimit">, testSize: number): number {
  return evaluateLimit === 0 ? testSize : Math.min(evaluateLimit, testSize);
}

/** A configuration whose number of updates is settled. */
export type StepConfig = TrainConfig & { readonly steps: number };

/** The optimizer of one objective: the run's, with what `optimizers` changes for it. */
export function objectiveOptimizer({ optimizer, optimizers }: TrainConfig, objective: string): OptimizerConfig {
  return overrideOptimizer(optimizer, optimizers[objective] ?? {});
}

/**
 * The training options of a run: those given, then those that the model prefers, then the general defaults.
 *
 * @throws UserError for unknown options, wrong values, and optimizers of objectives that the model does not have.
 */
export function trainingOf(model: GenerativeModel, given: TrainConfigInput): TrainConfig {
  const { steps, epochs, ...preferred } = model.training ?? {};
  const saysHowLong = given.steps !== undefined || given.epochs !== undefined || given.minutes !== undefined;
  const length = saysHowLong ? {} : { steps, epochs };
  const optimizer = overrideOptimizer(preferred.optimizer ?? {}, given.optimizer ?? {});
  const merged = { ...preferred, ...length, ...given, optimizer };
  const config = parseOptions("@latentkit/core", trainConfigSchema, merged) as TrainConfig;
  checkOptimizers(model, config);
  return config;
}

function checkOptimizers({ objectives }: GenerativeModel, config: TrainConfig): void {
  const names = objectives.map(({ name }) => name);
  const unknown = Object.keys(config.optimizers).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UserError(
      "@latentkit/core",
      `optimizers.${unknown}: the model has no objective of that name; it has ${names.join(", ")}`,
    );
  }
  for (const name of names) optimizerFromConfig(objectiveOptimizer(config, name), config.steps ?? 1);
}
