import { z } from "zod";

const size = z.int().min(1);
const auto = <T extends z.ZodType>(type: T) => z.union([z.literal("auto"), type]).default("auto" as never);

/** Options of an autoregressive transformer. `auto` choices follow from the preset, the block and the data: see `resolveArchitecture`. */
export const arTransformerConfig = z.object({
  network: z
    .enum(["auto", "gpt", "encoder-decoder"])
    .default("auto")
    .describe(
      "gpt reads one sequence from left to right, encoder-decoder maps a source to a target; auto goes by the data",
    ),
  preset: z
    .enum([
      "auto",
      "nano",
      "mini",
      "small",
      "gpt2",
      "gpt2-medium",
      "gpt2-large",
      "gpt2-xl",
      "transformer-small",
      "transformer-base",
      "transformer-big",
    ])
    .default("auto")
    .describe(
      "Sizes by name; auto is nano (4 layers, 4 heads, 128 wide: nanoGPT's for a CPU) for sequences and images, transformer-small for pairs",
    ),
  depth: auto(size).describe("One dial instead of a preset: so many layers and heads, 64 wide for each of them"),
  nLayer: auto(size).describe("Layers; of encoder and decoder each"),
  nHead: auto(size).describe("Attention heads; they divide the width"),
  nKvHead: auto(size).describe(
    "Heads of keys and values, shared by groups of query heads (Ainslie et al. 2023); auto is nHead, of images 1",
  ),
  nEmbd: auto(size).describe("Width of the residual stream"),
  feedForward: auto(size).describe(
    "Width inside the feed-forward layers; auto is 4 nEmbd, of swiglu two thirds of it, which cost the same",
  ),
  blockSize: auto(size).describe("Positions: the longest sequence that is looked at; auto is what the data need"),
  block: z
    .enum(["auto", "gpt2", "modern", "transformer"])
    .default("auto")
    .describe(
      "Flags by name: gpt2 (learned positions, pre-norm, gelu), modern (rope, rms, swiglu, qkNorm, no biases, untied), transformer (Vaswani et al. 2017: sinusoids, post-norm, relu); auto goes by the network",
    ),
  positions: auto(z.enum(["learned", "rope", "sinusoidal", "sinusoidal-concatenated"])).describe(
    "Where a token stands: learned vectors, rotations (Su et al. 2021), sines and cosines interleaved as in the paper, or concatenated as in Marian",
  ),
  norm: auto(z.enum(["layer", "rms"])).describe("Layer normalisation, or by the root mean square only"),
  placement: auto(z.enum(["pre", "post"])).describe(
    "Normalise what goes into a sublayer (pre: trains easily) or the sum after it (post: the paper's)",
  ),
  activation: auto(z.enum(["gelu", "relu", "relu2", "silu", "swiglu"])).describe(
    "Of the feed-forward layers; gelu is GPT-2's tanh form",
  ),
  qkNorm: auto(z.boolean()).describe("Normalise queries and keys of every head (Henry et al. 2020)"),
  tied: auto(z.boolean()).describe("One matrix for embedding and output"),
  bias: auto(z.boolean()).describe(
    "Biases in linear layers and layer norms; GPT-2 has them, nanoGPT's small models not",
  ),
  initStd: auto(z.number().positive()).describe(
    "Standard deviation that kernels begin with; auto is GPT-2's 0.02 from its width of 768 on and larger in narrower networks, which learn faster by it; in post-norm 1 / sqrt(nEmbd)",
  ),
  dropout: auto(z.number().min(0).lt(1)).describe(
    "Share of embeddings, attention weights and sublayer outputs that training drops; 0.1 of transformer presets, else 0",
  ),
  labelSmoothing: auto(z.number().min(0).lt(1)).describe(
    "Share of the target's probability spread over all tokens in the loss (Vaswani et al. 2017, section 5.4); 0.1 of transformer presets, else 0",
  ),
  palette: auto(z.int().min(2).max(4096)).describe(
    "Of images: so many colours, found in the first batch, one token a pixel; auto is none: 8-bit values, one token a channel",
  ),
});

/** A checked {@link arTransformerConfig}. */
export type ArTransformerConfig = z.output<typeof arTransformerConfig>;

/**
 * Options of one generation. Logits are processed in this order: repetition penalty, temperature, top-k, top-p, min-p. Each looks at what the
 * one before left; then one token is drawn, or the best taken when `temperature` is 0.
 */
export const arSampleOptions = z.object({
  maxNewTokens: auto(size).describe("Tokens to generate; auto is what makes one datum"),
  temperature: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Divides the logits: 1 samples the model, less is safer; 0 takes the most probable token (greedy)"),
  topK: z.int().min(0).default(0).describe("Only the so many most probable tokens; 0: all"),
  topP: z
    .number()
    .gt(0)
    .max(1)
    .default(1)
    .describe("Only the most probable tokens that hold this probability together (Holtzman et al. 2019); 1: all"),
  minP: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .describe("Only tokens at least so probable as this share of the most probable one (Nguyen et al. 2024); 0: all"),
  repetitionPenalty: z
    .number()
    .positive()
    .default(1)
    .describe(
      "Logits of tokens that occurred, the prompt's too, are divided by it if positive, else multiplied (Keskar et al. 2019)",
    ),
  stopIds: z
    .array(z.int().min(0))
    .default([])
    .describe("Token ids that end a sequence, besides the data's own end token"),
  beams: size
    .default(1)
    .describe("Width of beam search, which looks for the most probable sequence instead of drawing one; 1: none"),
  lengthPenalty: z
    .number()
    .min(0)
    .default(0.6)
    .describe("Beam search divides a log-probability by ((5 + length) / 6) to this power (Wu et al. 2016, eq. 14)"),
  overflow: z
    .enum(["slide", "refuse"])
    .default("slide")
    .describe(
      "Past blockSize: slide forgets the older half of the window and reads the newer half anew, refuse is an error before the first token",
    ),
});

/** Checked {@link arSampleOptions}. */
export type ArSampleOptions = z.output<typeof arSampleOptions>;
