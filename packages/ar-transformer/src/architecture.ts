import { UserError } from "@latentkit/core";
import type { ArTransformerConfig } from "./config.js";

/** Everything a network's shape and formulas depend on. */
export interface Architecture {
  readonly network: "gpt" | "encoder-decoder";
  readonly nLayer: number;
  readonly nHead: number;
  /** Heads of keys and values; divides `nHead`. */
  readonly nKvHead: number;
  /** C. */
  readonly nEmbd: number;
  /** C / nHead. */
  readonly headDim: number;
  readonly feedForward: number;
  /** Rows of the embedding. */
  readonly vocabSize: number;
  /** Tokens that are predicted, V: the first so many of the embedding; the others, as a begin token of images, are only read. */
  readonly outputs: number;
  /** Longest sequence. */
  readonly blockSize: number;
  readonly positions: "learned" | "rope" | "sinusoidal" | "sinusoidal-concatenated";
  readonly norm: "layer" | "rms";
  readonly placement: "pre" | "post";
  readonly activation: "gelu" | "relu" | "relu2" | "silu" | "swiglu";
  readonly qkNorm: boolean;
  readonly tied: boolean;
  readonly bias: boolean;
  /** Standard deviation that kernels begin with. */
  readonly initStd: number;
  readonly dropout: number;
  readonly labelSmoothing: number;
  /** Epsilon of the norms. */
  readonly epsilon: number;
}

type Size = Pick<Architecture, "nLayer" | "nHead" | "nEmbd">;

/** Sizes by name: minGPT, nanoGPT, Radford et al. 2019 table 2, Vaswani et al. 2017 table 3. */
export const SIZES: Readonly<Record<Exclude<ArTransformerConfig["preset"], "auto">, Size>> = {
  nano: { nLayer: 4, nHead: 4, nEmbd: 128 },
  mini: { nLayer: 6, nHead: 6, nEmbd: 192 },
  small: { nLayer: 6, nHead: 6, nEmbd: 384 },
  gpt2: { nLayer: 12, nHead: 12, nEmbd: 768 },
  "gpt2-medium": { nLayer: 24, nHead: 16, nEmbd: 1024 },
  "gpt2-large": { nLayer: 36, nHead: 20, nEmbd: 1280 },
  "gpt2-xl": { nLayer: 48, nHead: 25, nEmbd: 1600 },
  "transformer-small": { nLayer: 3, nHead: 4, nEmbd: 256 },
  "transformer-base": { nLayer: 6, nHead: 8, nEmbd: 512 },
  "transformer-big": { nLayer: 6, nHead: 16, nEmbd: 1024 },
};

type Flags = Pick<
  Architecture,
  "positions" | "norm" | "placement" | "activation" | "qkNorm" | "tied" | "bias" | "dropout" | "labelSmoothing"
>;

const GPT2: Flags = {
  positions: "learned",
  norm: "layer",
  placement: "pre",
  activation: "gelu",
  qkNorm: false,
  tied: true,
  bias: true,
  dropout: 0,
  labelSmoothing: 0,
};

/** Blocks by name: Radford et al. 2019, §2.3; Touvron et al. 2023, §2.2 with QK-norm; Vaswani et al. 2017, §3. */
const BLOCKS: Readonly<Record<"gpt2" | "modern" | "transformer", Flags>> = {
  gpt2: GPT2,
  modern: {
    ...GPT2,
    positions: "rope",
    norm: "rms",
    activation: "swiglu",
    qkNorm: true,
    tied: false,
    bias: false,
  },
  transformer: {
    ...GPT2,
    positions: "sinusoidal",
    placement: "post",
    activation: "relu",
    dropout: 0.1,
    labelSmoothing: 0.1,
  },
};

/** What the data ask of a network. */
export interface Demands {
  readonly network: Architecture["network"];
  readonly vocabSize: number;
  readonly outputs: number;
  /** Longest sequence of an example. */
  readonly length: number;
  /** Heads of keys and values when nobody chooses; as many as query heads when absent. */
  readonly nKvHead?: number;
}

const chosen = <T>(option: T | "auto", otherwise: T): T => (option === "auto" ? otherwise : option);

/**
 * The architecture that a configuration means for given data.
 *
 * @throws UserError when options contradict each other or the data.
 */
export function resolveArchitecture(config: ArTransformerConfig, demands: Demands): Architecture {
  const network = chosen(config.network, demands.network);
  if (network !== demands.network) {
    const fit = demands.network === "gpt" ? "sequences and images need gpt" : "pairs need encoder-decoder";
    throw refuse(`network must not be "${network}" for these data: ${fit}`);
  }
  const size = sizeOf(config, network);
  const block = BLOCKS[chosen(config.block, network === "gpt" ? "gpt2" : "transformer")];
  const flags = Object.fromEntries(
    Object.entries(block).map(([name, value]) => [name, chosen(config[name as keyof Flags] as never, value as never)]),
  ) as unknown as Flags;
  const nKvHead = chosen(config.nKvHead, demands.nKvHead ?? size.nHead);
  const architecture: Architecture = {
    ...size,
    ...flags,
    network,
    nKvHead,
    headDim: size.nEmbd / size.nHead,
    feedForward: chosen(config.feedForward, defaultFeedForward(size.nEmbd, flags.activation)),
    vocabSize: demands.vocabSize,
    outputs: demands.outputs,
    blockSize: chosen(config.blockSize, demands.length),
    initStd: chosen(config.initStd, defaultInitStd(size.nEmbd, flags.placement)),
    epsilon: flags.norm === "layer" ? 1e-5 : 1e-6,
  };
  check(architecture, demands);
  return architecture;
}

function sizeOf({ preset, depth, ...config }: ArTransformerConfig, network: Architecture["network"]): Size {
  if (depth !== "auto" && preset !== "auto")
    throw refuse(`depth and preset both say how large the model is, got ${depth} and "${preset}"; give one of them`);
  const name = chosen(preset, network === "gpt" ? "nano" : "transformer-small");
  const base = depth === "auto" ? SIZES[name] : { nLayer: depth, nHead: depth, nEmbd: 64 * depth };
  return {
    nLayer: chosen(config.nLayer, base.nLayer),
    nHead: chosen(config.nHead, base.nHead),
    nEmbd: chosen(config.nEmbd, base.nEmbd),
  };
}

/** SwiGLU has three matrices where others have two; multiples of 32 keep products fast. */
function defaultFeedForward(nEmbd: number, activation: Flags["activation"]): number {
  return activation === "swiglu" ? Math.ceil((8 * nEmbd) / 3 / 32) * 32 : 4 * nEmbd;
}

/**
 * GPT-2's 0.02 at its width and above. Sums over fewer inputs need larger kernels to be as large: 0.049 at a width of 128, where 0.02 costs a short
 * training much. Post-norm: Glorot's of a square kernel.
 */
function defaultInitStd(nEmbd: number, placement: Flags["placement"]): number {
  return placement === "post" ? nEmbd ** -0.5 : 0.02 * Math.max(1, Math.sqrt(SIZES.gpt2.nEmbd / nEmbd));
}

function check(architecture: Architecture, { length }: Demands): void {
  const { nEmbd, nHead, nKvHead, blockSize, positions, headDim } = architecture;
  if (nEmbd % nHead !== 0) throw refuse(`nHead must divide nEmbd ${nEmbd}, got ${nHead}; choose another number`);
  if (nHead % nKvHead !== 0) throw refuse(`nKvHead must divide nHead ${nHead}, got ${nKvHead}; choose another number`);
  if (positions === "rope" && headDim % 2 !== 0)
    throw refuse(`positions "rope" turn pairs of numbers, got heads of ${headDim}; choose nEmbd / nHead even`);
  if (blockSize < length)
    throw refuse(`blockSize must be at least ${length}, the length of the data's sequences, got ${blockSize}`);
}

/** A user's mistake in an option of this package. */
export function refuse(message: string): UserError {
  return new UserError("@latentkit/ar-transformer", message);
}
