import { type DatumSpec, parseOptions, type TrainConfigInput, UserError } from "@latentkit/core";
import { z } from "zod";
import type { Augmentation, InstanceNoise } from "./augment.js";
import { type Game, type GanConfig, gameSchema, type Penalty } from "./config.js";
import type { OutputKind } from "./scale.js";

/** Everything about a GAN, nothing left open. */
export interface GanSettings {
  readonly network: "mlp" | "dcgan" | "resnet";
  readonly latentDim: number;
  readonly hidden: readonly number[];
  readonly frequencies: number;
  readonly codes: number;
  readonly width: number;
  readonly blocks: number;
  readonly game: Game;
  readonly generatorNorm: "none" | "batch";
  readonly output: OutputKind;
  readonly criticSteps: number;
  readonly augment: readonly Augmentation[];
  readonly noise: InstanceNoise | undefined;
  readonly conditional: boolean;
  readonly training: TrainConfigInput;
}

type PresetName = Exclude<GanConfig["preset"], "auto">;
type Settings = Omit<GanSettings, "game" | "conditional"> & Pick<Game, "loss" | "norm"> & { readonly penalty: Penalty };

/** R3GAN at the size of digits; what the others are told as differences from. */
const DEFAULTS: Settings = {
  network: "resnet",
  latentDim: 64, // as R3GAN's noise
  hidden: [256], // what digit it is, is decided at once: convolutions alone are local at this depth
  frequencies: 0,
  codes: 16, // pictures are in separate parts; half the steps for the same samples, and with many more each code becomes one picture
  width: 8, // 8 channels at 28x28, 16 at 14x14, 32 at 7x7: twice as many steps in the same time as with 16, which is worth more here
  blocks: 1,
  loss: "relativistic",
  norm: "none",
  // falling as in R3GAN's appendix on hyperparameters; every 4 steps, or it would be half of the cost
  penalty: { name: "r1r2", gamma: 1, finalGamma: 0.2, share: 1, every: 4 },
  generatorNorm: "none", // residual branches begin at 0 instead
  output: "tanh", // a linear end leaves speckles where the data are all black, and the discriminator looks at nothing else
  criticSteps: 1,
  augment: [],
  noise: undefined,
  training: {
    batchSize: 64,
    steps: 16_000,
    // no momentum: the other player moves the target
    optimizer: { learningRate: 5e-4, beta1: 0, beta2: 0.99, schedule: "cosine" },
    emaDecay: 0.999,
  },
};

const PRESETS: Readonly<Record<PresetName, Partial<Settings>>> = {
  // Huang, Gokaslan, Kuleshov, Tompkin, "The GAN is dead; long live the GAN!", 2024. https://arxiv.org/abs/2501.05441
  r3gan: {},
  // The networks of Goodfellow et al., "Generative adversarial nets", 2014, §5, in the game of R3GAN. https://arxiv.org/abs/1406.2661
  "gan-mlp": {
    network: "mlp",
    hidden: [128, 128, 128],
    codes: 0,
    penalty: { name: "r1r2", gamma: 0.01, every: 4 }, // weak: a discriminator of few inputs needs steep places
    training: { batchSize: 128, optimizer: { learningRate: 1e-3, beta1: 0, beta2: 0.99, schedule: "cosine" } },
  },
  // Radford, Metz, Chintala, "Unsupervised representation learning with DCGANs", 2015, §3-4. https://arxiv.org/abs/1511.06434
  dcgan: {
    network: "dcgan",
    hidden: [],
    codes: 0,
    latentDim: 100,
    width: 32,
    loss: "non-saturating",
    norm: "batch",
    penalty: { name: "none" },
    generatorNorm: "batch",
    output: "tanh",
    training: { batchSize: 128, optimizer: { learningRate: 2e-4, beta1: 0.5 } },
  },
  // Gulrajani et al., "Improved training of Wasserstein GANs", 2017, Algorithm 1. https://arxiv.org/abs/1704.00028
  "wgan-gp": {
    network: "dcgan",
    hidden: [],
    codes: 0,
    latentDim: 128,
    width: 32,
    loss: "wasserstein",
    penalty: { name: "wgan-gp", weight: 10, every: 1 },
    generatorNorm: "batch",
    output: "tanh",
    criticSteps: 5,
    training: { batchSize: 64, optimizer: { learningRate: 1e-4, beta1: 0, beta2: 0.9 } },
  },
  // Miyato et al., "Spectral normalization for GANs", 2018, §4 and table 3. https://arxiv.org/abs/1802.05957
  "sngan-hinge": {
    network: "dcgan",
    hidden: [],
    codes: 0,
    latentDim: 128,
    width: 32,
    loss: "hinge",
    norm: "spectral",
    penalty: { name: "none" },
    generatorNorm: "batch",
    output: "tanh",
    criticSteps: 5,
    training: { batchSize: 64, optimizer: { learningRate: 2e-4, beta1: 0, beta2: 0.9, schedule: "linear" } },
  },
};

const OWNER = "@latentkit/gan";

/** Data of at most so many values a datum are points, whose modes may be narrow and far apart. */
const POINT_VALUES = 4;

/** What gan-mlp does differently for points: structure is found from coarse to fine, and there is less of everything to compute. */
const POINTS: Partial<Settings> = {
  latentDim: 2, // as many as the data, so that neighbours in z may become different modes
  frequencies: 4,
  penalty: { name: "r1r2", gamma: 0.02, finalGamma: 0.0001, share: 0.6, every: 4 }, // the finer the structure, the steeper the discriminator must be
  noise: { from: 0.5, to: 0.01, share: 8 / 15 },
  training: {
    batchSize: 256,
    steps: 15_000,
    optimizer: { learningRate: 2e-3, beta1: 0.5, beta2: 0.99, schedule: "cosine" },
  },
};

/**
 * The preset with the user's options over it.
 *
 * @throws UserError when they contradict each other or the data.
 */
export function settle(config: GanConfig, datum: DatumSpec): GanSettings {
  const isImage = datum.shape.length === 3;
  const { preset: asked, conditional, penalty: given, noise, ...options } = config;
  const preset = asked === "auto" ? (isImage ? "r3gan" : "gan-mlp") : asked;
  const isPoint = preset === "gan-mlp" && datum.shape.reduce((a, b) => a * b, 1) <= POINT_VALUES;
  const base: Settings = { ...DEFAULTS, ...PRESETS[preset], ...(isPoint ? POINTS : {}) };
  const network = options.network ?? (isImage ? base.network : "mlp");
  if (network !== "mlp" && !isImage) {
    throw new UserError(
      OWNER,
      `network must be mlp for data of shape [${datum.shape}], got "${network}"; images have shape [height, width, channels]`,
    );
  }
  const { loss, norm, penalty, ...rest } = {
    ...base,
    ...present(options),
    network,
  };
  const codes = options.codes ?? Math.min(rest.codes, rest.latentDim);
  if (codes > rest.latentDim)
    throw new UserError(
      OWNER,
      `codes must be at most latentDim, which is ${rest.latentDim}, got ${codes}; each has a noise value of its own`,
    );
  const game = checkGame({ loss, norm, penalty: mergePenalty(penalty, given) });
  if (rest.augment.length > 0 && !isImage)
    throw new UserError(OWNER, `augment must be [] for data that are no images, got ${JSON.stringify(rest.augment)}`);
  return { ...rest, codes, noise: noise === "none" ? undefined : (noise ?? base.noise), game, conditional };
}

/** The options that were given. */
function present<T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

/** A penalty of the preset's name keeps its numbers; another begins with its own defaults. */
function mergePenalty(base: Penalty, given: GanConfig["penalty"]): object {
  if (given === undefined) return base;
  if (typeof given === "string") return given === base.name ? base : { name: given };
  const name = given.name ?? base.name;
  return { ...(name === base.name ? base : {}), ...present(given), name };
}

/** @throws UserError with the reason why a combination has no meaning. */
function checkGame(game: object): Game {
  const holder = z.object({ game: gameSchema });
  try {
    return parseOptions(OWNER, holder, { game }).game;
  } catch (error) {
    if (error instanceof UserError) throw new UserError(OWNER, error.message.replace(/^.*?game\.?/, ""));
    throw error;
  }
}
