/**
 * `config.json` of GPT-2 at Hugging Face.
 * https://huggingface.co/docs/transformers/model_doc/gpt2#transformers.GPT2Config
 */
import type { Architecture } from "../architecture.js";
import { refuse } from "../architecture.js";
import type { ArTransformerConfig } from "../config.js";

/** The keys that decide what is computed, and the ids of the begin and end token. Others are kept as they are. */
export interface Gpt2Config {
  readonly vocab_size: number;
  readonly n_positions: number;
  readonly n_embd: number;
  readonly n_layer: number;
  readonly n_head: number;
  readonly n_inner?: number | null;
  readonly activation_function?: string;
  readonly resid_pdrop?: number;
  readonly layer_norm_epsilon?: number;
  readonly tie_word_embeddings?: boolean;
  readonly bos_token_id?: number | null;
  readonly eos_token_id?: number | null;
  readonly [key: string]: unknown;
}

/** Names of the activations there and here; `gelu` there is the exact one, which ours is not. */
const ACTIVATIONS: Readonly<Record<string, Architecture["activation"]>> = {
  gelu_new: "gelu",
  gelu_pytorch_tanh: "gelu",
  gelu_fast: "gelu",
  relu: "relu",
  relu2: "relu2",
  silu: "silu",
  swish: "silu",
};

/** What must have one value for our network to compute the same. */
const FIXED: Readonly<Record<string, unknown>> = {
  scale_attn_weights: true,
  scale_attn_by_inverse_layer_idx: false,
  add_cross_attention: false,
};

/** Checks what was read from a `config.json`. @throws UserError naming the key that is missing, or whose value we cannot compute. */
export function readGpt2Config(json: unknown, source: string): Gpt2Config {
  const config = json as Gpt2Config;
  if (typeof json !== "object" || json === null || config.model_type !== "gpt2")
    throw refuse(`${source} does not describe a GPT-2: its model_type is ${JSON.stringify(config?.model_type)}`);
  for (const key of ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head"]) {
    const value = config[key];
    if (!Number.isInteger(value) || (value as number) < 1)
      throw refuse(`${source}: ${key} must be a whole number from 1, got ${JSON.stringify(value)}; complete it`);
  }
  for (const [key, only] of Object.entries(FIXED)) {
    if (config[key] !== undefined && config[key] !== only)
      throw refuse(`${source}: ${key} ${JSON.stringify(config[key])} is not supported, only ${only}`);
  }
  activationOf(config, source);
  const { layer_norm_epsilon: epsilon = 1e-5 } = config;
  if (epsilon !== 1e-5) throw refuse(`${source}: layer_norm_epsilon ${epsilon} is not supported, only 1e-5`);
  return config;
}

function activationOf({ activation_function: name = "gelu_new" }: Gpt2Config, source: string) {
  const activation = Object.hasOwn(ACTIVATIONS, name) ? ACTIVATIONS[name] : undefined;
  if (activation !== undefined) return activation;
  throw refuse(
    `${source}: activation_function "${name}" is not supported; known: ${Object.keys(ACTIVATIONS).join(", ")}`,
  );
}

/** The options of a transformer that computes what a `config.json` describes. */
export function transformerOptions(config: Gpt2Config, source = "config.json"): Partial<ArTransformerConfig> {
  return {
    network: "gpt",
    block: "gpt2",
    nLayer: config.n_layer,
    nHead: config.n_head,
    nEmbd: config.n_embd,
    blockSize: config.n_positions,
    feedForward: config.n_inner ?? 4 * config.n_embd,
    activation: activationOf(config, source),
    tied: config.tie_word_embeddings ?? true,
    dropout: config.resid_pdrop ?? 0.1,
  };
}

/**
 * The `config.json` of a transformer.
 *
 * @throws UserError naming the option that GPT-2's layout cannot hold.
 */
export function gpt2Config(architecture: Architecture, eos: number | undefined): Gpt2Config {
  const { network, positions, norm, placement, qkNorm, nHead, nKvHead, activation, vocabSize, outputs } = architecture;
  const wanted: readonly [option: string, value: unknown, only: unknown][] = [
    ["network", network, "gpt"],
    ["positions", positions, "learned"],
    ["norm", norm, "layer"],
    ["placement", placement, "pre"],
    ["qkNorm", qkNorm, false],
    ["nKvHead", nKvHead, nHead],
  ];
  for (const [option, value, only] of wanted) {
    if (value !== only)
      throw refuse(`GPT-2's folder cannot hold ${option} ${value}, only ${only}; train with block=gpt2`);
  }
  if (vocabSize !== outputs) throw refuse("GPT-2's folder holds models of text only; this one generates images");
  const name = Object.entries(ACTIVATIONS).find(([, ours]) => ours === activation)?.[0];
  if (name === undefined)
    throw refuse(`GPT-2's folder cannot hold activation ${activation}; train with activation=gelu`);
  const { dropout, feedForward, nEmbd } = architecture;
  return {
    architectures: ["GPT2LMHeadModel"],
    model_type: "gpt2",
    vocab_size: vocabSize,
    n_positions: architecture.blockSize,
    n_embd: nEmbd,
    n_layer: architecture.nLayer,
    n_head: nHead,
    n_inner: feedForward === 4 * nEmbd ? null : feedForward,
    activation_function: name,
    resid_pdrop: dropout,
    embd_pdrop: dropout,
    attn_pdrop: dropout,
    layer_norm_epsilon: 1e-5,
    initializer_range: architecture.initStd,
    scale_attn_weights: true,
    scale_attn_by_inverse_layer_idx: false,
    reorder_and_upcast_attn: false,
    use_cache: true,
    bos_token_id: eos ?? null,
    eos_token_id: eos ?? null,
    tie_word_embeddings: architecture.tied,
    torch_dtype: "float32",
  };
}
