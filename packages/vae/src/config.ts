import { z } from "zod";

const size = z.int().min(1);
const sizes = z.array(size);

/** Options of a VAE. `auto` choices depend on the data and are resolved by `chooseLikelihood` and `chooseNetwork`. */
export const vaeConfig = z.object({
  latentDim: size
    .default(20)
    .describe("Dimensions of z; 20 is enough for digits (Kingma & Welling 2013, figure 2), 2 draws a map"),
  network: z
    .enum(["auto", "mlp", "conv"])
    .default("auto")
    .describe(
      "Encoder and decoder: mlp takes any data, conv any image; auto is conv for colour images and images above 28x28, else mlp",
    ),
  hidden: sizes
    .default([400])
    .describe(
      "Widths of the dense hidden layers, from data to z (the decoder mirrors them); [400] is the usual MNIST network",
    ),
  channels: sizes
    .default([32, 64, 128])
    .describe("Widths of the convolutions of conv; each halves height and width, so 28x28 ends at 4x4"),
  activation: z
    .enum(["relu", "tanh", "silu", "gelu"])
    .default("relu")
    .describe("Nonlinearity of the hidden layers; relu is the cheapest, and as good at this depth"),
  likelihood: z
    .enum(["auto", "bernoulli", "gaussian", "discretized-logistic"])
    .default("auto")
    .describe(
      "p(x|z); auto is bernoulli for binary data and gray images, discretized-logistic for other data with levels, gaussian for the rest",
    ),
  binarize: z
    .enum(["auto", "dynamic", "threshold", "none"])
    .default("auto")
    .describe(
      "How bernoulli makes gray values binary: dynamic draws every pixel anew at every step with its gray value as probability, threshold cuts at one half; auto is dynamic for bernoulli on gray data, else none",
    ),
  scale: z
    .union([z.enum(["shared", "pixel"]), z.number().positive()])
    .default("shared")
    .describe(
      "Width of gaussian (sigma) and discretized-logistic (s): one learned number (shared), one a data dimension (pixel), or a fixed number in the data's units",
    ),
  objective: z
    .enum(["elbo", "iwae"])
    .default("elbo")
    .describe("Bound that is maximised: elbo with one draw of z, or the tighter importance-weighted bound iwae"),
  importanceSamples: size
    .default(5)
    .describe(
      "Draws of z an example, k, of the iwae objective; the published gain from 5 to 50 is below 1 nat at ten times the cost",
    ),
  beta: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Weight of the KL divergence; only 1 maximises a bound on the likelihood"),
  warmUpSteps: z
    .int()
    .nonnegative()
    .default(0)
    .describe("Updates over which the KL weight rises from 0 to beta; helps when units die early, 0 switches it off"),
  freeBits: z
    .number()
    .nonnegative()
    .default(0)
    .describe("Nats of KL that each latent dimension has for free, so that none is switched off; 0 is the plain bound"),
  conditional: z
    .boolean()
    .default(false)
    .describe("Give the label to encoder and decoder, so that samples can be asked by class"),
  evaluationSamples: size
    .default(500)
    .describe("Draws of z an example behind the metric nll; published numbers use 200 to 5000"),
});

/** A checked {@link vaeConfig}. */
export type VaeConfig = z.output<typeof vaeConfig>;

/** Options of one sampling call. */
export const vaeSampleOptions = z.object({
  temperature: z
    .number()
    .nonnegative()
    .default(1)
    .describe("Standard deviation of z: 1 samples the model, less is safer and less varied"),
  sampleLikelihood: z
    .boolean()
    .default(false)
    .describe("Draw the data from p(x|z); false gives its mean, which looks smoother but is no sample of the model"),
});

/** Checked {@link vaeSampleOptions}. */
export type VaeSampleOptions = z.output<typeof vaeSampleOptions>;
