import { z } from "zod";
import { AUGMENTATIONS } from "./augment.js";

/*
 * Options as users write them. What is left out is what the preset says, see presets.ts; `gameSchema` is the part of the result in which only
 * meaningful combinations of loss, normalisation and penalty can be expressed.
 */

const size = z.int().min(1);
const share = z.number().positive().max(1);
const gamma = z.number().positive().describe("weight of the squared gradient, halved");
const annealed = {
  finalGamma: z.number().positive().optional().describe("weight that gamma falls to, by the same factor a step"),
  share: share.optional().describe("share of the run until gamma is finalGamma, where one is given; 1 when absent"),
};
const every = size.default(1).describe("steps between two computations of the penalty, scaled up accordingly");

const none = z.strictObject({ name: z.literal("none") });
const leCam = z.strictObject({
  name: z.literal("lecam"),
  weight: z.number().positive().default(0.3),
  decay: z.number().min(0).lt(1).default(0.99),
});
const gradient = [
  z.strictObject({ name: z.literal("wgan-gp"), weight: z.number().positive().default(10), every }),
  z.strictObject({ name: z.literal("r1"), gamma: gamma.default(10), ...annealed, every }),
  z.strictObject({ name: z.literal("r2"), gamma: gamma.default(10), ...annealed, every }),
  z.strictObject({ name: z.literal("r1r2"), gamma: gamma.default(1), ...annealed, every }),
] as const;

const reason = (text: string) => ({ error: () => text });

const anyPenalty = z.discriminatedUnion(
  "name",
  [none, leCam, ...gradient],
  reason("must be one of none, lecam, wgan-gp, r1, r2, r1r2"),
);
const withoutGradients = z.discriminatedUnion(
  "name",
  [none, leCam],
  reason(
    'must be none or lecam with norm "batch": there the output for one datum depends on the whole batch, so it has no gradient of its own',
  ),
);
const relativisticPenalty = z.discriminatedUnion(
  "name",
  [none, ...gradient],
  reason(
    "must not be lecam with loss relativistic: only differences of its logits have a meaning, so they have no average to be held to",
  ),
);
const noPenalty = z.discriminatedUnion(
  "name",
  [none],
  reason(
    'must be none with loss relativistic and norm "batch": lecam needs absolute logits, the others a gradient for each datum alone',
  ),
);
const lipschitz = z.discriminatedUnion(
  "name",
  [...gradient],
  reason(
    'must be a gradient penalty (wgan-gp, r1, r2, r1r2) with loss wasserstein, unless norm is "spectral": nothing else keeps the critic Lipschitz, and its loss has no lower bound',
  ),
);

const withBoundary = z.enum(["non-saturating", "minimax", "hinge", "least-squares"]);
const wasserstein = z.literal("wasserstein");
const relativistic = z.literal("relativistic");

/** Loss, normalisation of the discriminator and penalty: every combination that has a meaning, and no other. */
export const gameSchema = z.discriminatedUnion("loss", [
  z.discriminatedUnion("norm", [
    z.strictObject({ loss: withBoundary, norm: z.enum(["none", "spectral"]), penalty: anyPenalty }),
    z.strictObject({ loss: withBoundary, norm: z.literal("batch"), penalty: withoutGradients }),
  ]),
  z.discriminatedUnion(
    "norm",
    [
      z.strictObject({ loss: wasserstein, norm: z.literal("none"), penalty: lipschitz }),
      z.strictObject({ loss: wasserstein, norm: z.literal("spectral"), penalty: anyPenalty }),
    ],
    reason(
      "must be none or spectral with loss wasserstein: with batch norm a critic is no function of one datum, so it cannot be Lipschitz; and a gradient penalty on it has no meaning",
    ),
  ),
  z.discriminatedUnion("norm", [
    z.strictObject({ loss: relativistic, norm: z.enum(["none", "spectral"]), penalty: relativisticPenalty }),
    z.strictObject({ loss: relativistic, norm: z.literal("batch"), penalty: noPenalty }),
  ]),
]);

/** A checked {@link gameSchema}. */
export type Game = z.output<typeof gameSchema>;
export type Penalty = Game["penalty"];

const PENALTIES = ["none", "lecam", "wgan-gp", "r1", "r2", "r1r2"] as const;

/** Options of a GAN. */
export const ganConfig = z.object({
  preset: z
    .enum(["auto", "gan-mlp", "dcgan", "wgan-gp", "sngan-hinge", "r3gan"])
    .default("auto")
    .describe("published model that gives all options left out; auto is r3gan for images, gan-mlp for other data"),
  network: z
    .enum(["mlp", "dcgan", "resnet"])
    .optional()
    .describe("mlp takes any data; dcgan (strided convolutions) and resnet (residual blocks) take images"),
  latentDim: size.optional().describe("dimensions of the noise z"),
  hidden: z
    .array(size)
    .optional()
    .describe(
      "widths of the hidden layers: all layers of mlp, those between the noise and the smallest image of dcgan and resnet; the discriminator has them reversed",
    ),
  frequencies: z
    .int()
    .min(0)
    .optional()
    .describe(
      "octaves of sines and cosines that the networks of mlp see beside data and noise, so that both can tell fine structure; for few dimensions",
    ),
  codes: z
    .int()
    .min(0)
    .optional()
    .describe(
      "learned vectors that the generator chooses among, by which of its first so many noise values is the largest: data in separate parts, such as digits, are no continuous image of the noise",
    ),
  width: size
    .optional()
    .describe("channels of dcgan and resnet at full resolution; they double wherever height and width halve"),
  blocks: size.optional().describe("residual blocks of resnet at each resolution below the full one"),
  loss: z
    .enum([...withBoundary.options, "wasserstein", "relativistic"])
    .optional()
    .describe("what the two players minimise"),
  norm: z.enum(["none", "batch", "spectral"]).optional().describe("normalisation in the discriminator"),
  generatorNorm: z
    .enum(["none", "batch"])
    .optional()
    .describe("normalisation in the generator; with labels its scale and offset depend on the class"),
  penalty: z
    .union([
      z.enum(PENALTIES),
      z.strictObject({
        name: z.enum(PENALTIES).optional(),
        weight: z.number().positive().optional(),
        gamma: z.number().positive().optional(),
        finalGamma: z.number().positive().optional(),
        share: share.optional(),
        decay: z.number().optional(),
        every: size.optional(),
      }),
    ])
    .optional()
    .describe(
      "penalty of the discriminator: a name, or its parts, e.g. penalty.name=r1 penalty.gamma=1 penalty.every=16",
    ),
  output: z
    .enum(["tanh", "linear"])
    .optional()
    .describe("end of a generator of bounded data: tanh, or linear and cut to the range when sampled"),
  criticSteps: size
    .optional()
    .describe("updates of the discriminator, each on a batch of its own, for one of the generator"),
  augment: z
    .array(z.enum(AUGMENTATIONS))
    .optional()
    .describe("random transforms that images pass before the discriminator; for few data"),
  noise: z
    .union([
      z.literal("none"),
      z.strictObject({
        from: z
          .number()
          .positive()
          .default(0.5)
          .describe("standard deviation on the first step, in the networks' units"),
        to: z.number().positive().default(0.01).describe("the same where the noise ends"),
        share: share.default(0.5).describe("share of the run until there is none"),
      }),
    ])
    .optional()
    .describe(
      "Gaussian noise on data and samples before the discriminator, falling by the same factor a step, so that coarse structure comes first",
    ),
  conditional: z
    .boolean()
    .default(false)
    .describe("give the label to both networks, so that samples can be asked by class"),
});

/** Options of a GAN as the command line and a configuration file give them. */
export type GanConfig = z.output<typeof ganConfig>;

/** `Partial` of every member of a union on its own. */
type PartialEach<U> = U extends unknown ? Partial<U> : never;

/** Options of a GAN in code: combinations of loss, norm and penalty that have no meaning do not compile. */
export type GanOptions = Omit<z.input<typeof ganConfig>, "loss" | "norm" | "penalty"> &
  PartialEach<z.input<typeof gameSchema>>;

/** Options of one sampling call. */
export const ganSampleOptions = z.object({
  truncation: z
    .number()
    .positive()
    .optional()
    .describe(
      "draw z from a normal cut off at this distance from 0: below 2 is safer and less varied; absent: not cut",
    ),
});

/** Checked {@link ganSampleOptions}. */
export type GanSampleOptions = z.output<typeof ganSampleOptions>;
