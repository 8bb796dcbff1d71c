import { type TensorTree, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import type { AdversarialLoss } from "./loss.js";
import type { Generator, NetworkInit } from "./networks/network.js";
import type { Discriminator } from "./networks.js";
import type { LogitAnchors } from "./penalties.js";
import type { GanSettings } from "./presets.js";
import type { Scale } from "./scale.js";
import { type SpectralVectors, spectralNormalize } from "./spectral-norm.js";

/* The two networks as training, sampling and measuring use them. */

/** Parameter groups. */
export interface GanParams {
  readonly generator: TensorTree;
  readonly discriminator: TensorTree;
}

/** What gradients do not train; each part only where it is needed. */
export interface GanState {
  /** Running statistics of the generator's batch norms. */
  readonly generator?: NetworkInit["state"];
  /** Power-iteration vectors of the discriminator's kernels. */
  readonly spectral?: SpectralVectors;
  /** Averages of the logits, for LeCam. */
  readonly anchors?: LogitAnchors;
  /** Mean and deviation of unbounded data. */
  readonly data?: TensorTree;
}

/** What the configuration and the data decide before any tensor exists. */
export interface Gan {
  readonly settings: GanSettings;
  /** Number of classes when conditional. */
  readonly classes: number | undefined;
  readonly generator: Generator;
  readonly discriminator: Discriminator;
  readonly loss: AdversarialLoss;
  readonly scale: Scale;
}

/** Samples as the discriminator sees them, and the generator's next state. @param z Shape `(B, latentDim)`. */
export function generate(
  gan: Gan,
  params: GanParams,
  state: GanState,
  z: Tensor,
  context: { readonly label: Tensor | undefined; readonly training: boolean },
): { x: Tensor; state: NetworkInit["state"] } {
  const made = gan.generator.apply(params.generator, state.generator ?? {}, z, context);
  return { x: gan.scale.activate(made.x), state: made.state };
}

/** Samples in the data's own units, shape `(B, ...datum.shape)`. */
export function decode(gan: Gan, params: GanParams, state: GanState, z: Tensor, label: Tensor | undefined): Tensor {
  const { x } = generate(gan, params, state, z, { label: requireLabel(gan, label), training: false });
  return gan.scale.toData(x, state.data);
}

/**
 * The discriminator ready for use, spectrally normalised where asked.
 *
 * @param update Whether its power iteration goes on, as in its own update.
 */
export function discriminatorOf(gan: Gan, params: GanParams, state: GanState, update: boolean) {
  const { spectral } = state;
  const used = spectral && spectralNormalize(params.discriminator, spectral, { update });
  const weights = used?.params ?? params.discriminator;
  const logits = (x: Tensor, label: Tensor | undefined): Tensor => gan.discriminator.apply(weights, x, label);
  return { logits, spectral: used?.vectors };
}

/** The label where the model needs one. */
export function requireLabel({ classes }: Gan, label: Tensor | undefined): Tensor | undefined {
  if (classes === undefined) return undefined;
  if (label !== undefined) return label;
  throw new UserError(
    "@latentkit/gan",
    "label must be given to a model trained with conditional: true, got none; give one a datum",
  );
}
