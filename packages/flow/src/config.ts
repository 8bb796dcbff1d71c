import { z } from "zod";

const size = z.int().min(1);

/** Options of a flow. `auto` choices depend on the data; sizes that are absent are those of the model's own file in `models/`. */
export const flowConfig = z.object({
  model: z
    .enum(["auto", "nice", "realnvp", "maf", "iaf", "nsf", "nsf-ar", "glow", "tarflow"])
    .default("auto")
    .describe(
      "Which flow: nsf (spline couplings) and nsf-ar (autoregressive splines) are the best on vectors, glow on images, tarflow is made of transformers, maf, iaf, realnvp and nice are the classics; auto is glow for images, else nsf",
    ),
  layers: size
    .optional()
    .describe(
      "Couplings or autoregressive layers (of each scale, for glow); absent: 8, for maf and iaf 5, for tarflow 4",
    ),
  width: size.optional().describe("Hidden width of the networks; absent: 128 for vectors, 32 channels for images"),
  depth: size
    .optional()
    .describe("Residual blocks of each network, or transformer layers of tarflow; absent: 2, images 3, tarflow 4"),
  bins: z.int().min(2).default(8).describe("Pieces of each spline (Durkan et al. 2019, §5: 8)"),
  bound: z
    .number()
    .positive()
    .default(4)
    .describe(
      "Splines act on [-bound, bound] of standardised values and leave the rest alone; 4 leaves out 1 in 16,000",
    ),
  coupling: z
    .enum(["affine", "spline"])
    .default("affine")
    .describe("What the couplings of glow do to a pixel; splines fit more and cost about a third more time"),
  marginals: z
    .boolean()
    .default(true)
    .describe("Begin glow with a spline of each pixel's own value, which the paper has not; digits gain most"),
  scales: size.default(2).describe("Scales of glow; each halves height and width, which must divide"),
  patch: size.default(4).describe("Side of tarflow's patches in pixels; 28x28 digits become 49 tokens"),
  heads: size.default(4).describe("Attention heads of tarflow"),
  base: z.enum(["normal", "mixture"]).default("normal").describe("Distribution of the noise"),
  components: size.default(10).describe("Gaussians of the base mixture"),
  dequantization: z
    .enum(["uniform", "variational"])
    .default("uniform")
    .describe(
      "How values on levels become continuous: uniform noise of one level's width, or noise that a small flow learns, which tightens the bound on log P",
    ),
  logit: z
    .number()
    .min(0)
    .lt(0.5)
    .default(1e-5)
    .describe(
      "Data with a range are taken to the whole line by logit(a + (1 - 2a) x); this is a, 0 leaves them as they are",
    ),
  conditional: z
    .enum(["none", "label", "context"])
    .default("none")
    .describe("What the density depends on: nothing, the label, or the vector in the field `context` of each example"),
  evaluationSamples: size
    .default(16)
    .describe(
      "Draws of the dequantisation noise an example behind the metric nll; the gain beyond 16 is below 0.01 bits",
    ),
});

/** A checked {@link flowConfig}. */
export type FlowConfig = z.output<typeof flowConfig>;

/** Options of one sampling call. */
export const flowSampleOptions = z.object({
  temperature: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Standard deviation of the noise: 1 samples the model, 0.7 is safer and less varied"),
  context: z
    .array(z.number())
    .optional()
    .describe("The vector that all samples are conditioned on, for models trained with conditional: context"),
});

/** Checked {@link flowSampleOptions}. */
export type FlowSampleOptions = z.output<typeof flowSampleOptions>;
