import { z } from "zod";

const size = z.int().min(1);

/** Blocks on the way down. `ResnetDownsampleBlock2D` halves by a residual block, the others by a convolution. */
const DOWN_BLOCKS = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"] as const;
/** Blocks on the way up. */
const UP_BLOCKS = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"] as const;
const MID_BLOCK = "UNetMidBlock2D";
const SAMPLERS = ["conv", "resnet"] as const;

/**
 * Options of the U-Net. Every one but timeFactor has the name and the meaning it has in the `config.json` of diffusers' UNet2DModel
 * (https://huggingface.co/docs/diffusers/api/models/unet2d), written in camel case; defaults suit 28x28 pictures on a CPU.
 */
export const unetConfig = z.strictObject({
  blockOutChannels: z
    .array(size)
    .min(1)
    .default([32, 64, 64])
    .describe("Channels of each level; every level but the last halves height and width"),
  layersPerBlock: size.default(1).describe("Residual blocks of a level on the way down; one more on the way up"),
  downBlockTypes: z
    .array(z.enum(DOWN_BLOCKS))
    .optional()
    .describe("Kind of each level on the way down; absent: attention at the last level only"),
  upBlockTypes: z
    .array(z.enum(UP_BLOCKS))
    .optional()
    .describe("Kind of each level on the way up, from the coarsest; absent: the mirror image of downBlockTypes"),
  midBlockType: z.enum([MID_BLOCK]).nullable().default(MID_BLOCK).describe("The block between down and up; null: none"),
  addAttention: z.boolean().default(true).describe("Attention in the middle block"),
  midBlockScaleFactor: z.number().positive().default(1).describe("What the middle block divides its sums by"),
  attentionHeadDim: size
    .nullable()
    .default(32)
    .describe("Width of an attention head; null: one head as wide as the level"),
  normNumGroups: size.default(8).describe("Groups of the group norms; they must divide all widths"),
  attnNormNumGroups: size
    .nullable()
    .default(null)
    .describe("Groups of the middle attention's norm; null: as normNumGroups, and no norm with scale_shift"),
  normEps: z.number().positive().default(1e-5).describe("Added to variances"),
  actFn: z
    .enum(["silu", "swish", "mish", "gelu", "relu"])
    .default("silu")
    .describe("Activation of the residual blocks"),
  dropout: z.number().min(0).lt(1).default(0).describe("Share of features dropped in residual blocks while training"),
  resnetTimeScaleShift: z
    .enum(["default", "scale_shift"])
    .default("default")
    .describe("How the time enters residual blocks: added, or as scale and shift after the second norm"),
  timeEmbeddingType: z
    .enum(["positional", "fourier", "learned"])
    .default("positional")
    .describe("Features of the time: sinusoids, random frequencies of its logarithm, or a table"),
  timeEmbeddingDim: size
    .nullable()
    .default(null)
    .describe("Width of the time's features in the blocks; null: 4 times the first level's"),
  flipSinToCos: z.boolean().default(true).describe("Cosines before sines"),
  freqShift: z
    .number()
    .default(0)
    .describe("Subtracted from the number of frequencies in their spacing; 1 in the DDPM paper's code"),
  numTrainTimesteps: size.nullable().default(null).describe("Rows of the table of learned times"),
  timeFactor: z
    .number()
    .positive()
    .default(1)
    .describe(
      "What times are multiplied by; 0.001 with process edm tells the network ln(sigma) / 4 as Karras et al. do. Not in diffusers' config",
    ),
  centerInputSample: z.boolean().default(false).describe("Takes pictures in [0, 1] to [-1, 1] first"),
  downsamplePadding: z
    .int()
    .min(0)
    .max(1)
    .default(0)
    .describe("Where a halving convolution pads: 0 at the bottom and right, 1 on all sides"),
  downsampleType: z.enum(SAMPLERS).default("conv").describe("How attention levels halve"),
  upsampleType: z.enum(SAMPLERS).default("conv").describe("How attention levels double"),
  classEmbedType: z
    .enum(["timestep"])
    .nullable()
    .default(null)
    .describe("How classes are embedded: null by a table, timestep by sinusoids and two layers"),
});

/** A checked {@link unetConfig}. */
export type UNetConfig = z.output<typeof unetConfig>;
