/** GPT-2 as Hugging Face keeps it: `config.json`, weights and tokenizer in one folder, read and written without loss. */
import {
  byteLevelBpe,
  createTokenizer,
  type DatumSpec,
  encodeSafetensors,
  type ForeignFolder,
  type ForeignFormat,
  type ForeignModel,
  type ForeignSource,
  flatten,
  type HostTensor,
  hostTensor,
  modelSpecs,
  parseOptions,
  parseTokenizerJson,
  type Split,
  type TensorSpec,
  type Tokenizer,
  type TokenizerJson,
  tokensOf,
} from "@latentkit/core";
import { refuse } from "../architecture.js";
import { arTransformerConfig } from "../config.js";
import { createArTransformer } from "../model.js";
import { KEPT_ROWS } from "../tasks/task.js";
import { wireTransformer } from "../transformer.js";
import { type Gpt2Config, gpt2Config, readGpt2Config, transformerOptions } from "./config.js";
import { checkWeights, readWeights, writtenWeights } from "./weights.js";

const CONFIG = "config.json";
const GENERATION = "generation_config.json";
const TOKENIZER = "tokenizer.json";
/** Descriptions that are kept and written back; weights are not among them. */
const KEPT = /\.(json|txt|model)$/;

/** The folder that `from_pretrained` and `save_pretrained` of transformers read and write. */
export const gpt2Folder: ForeignFormat = {
  name: "huggingface-gpt2",
  summary: "GPT-2 in Hugging Face's layout: config.json, model.safetensors, tokenizer.json",
  async recognizes(files) {
    if (!files.files.includes(CONFIG)) return false;
    const config = await readJson(files, CONFIG);
    return (config as { model_type?: unknown } | null)?.model_type === "gpt2";
  },
  read: readGpt2Folder,
  write: writeGpt2Folder,
};

async function readGpt2Folder(files: ForeignFolder): Promise<ForeignModel> {
  const source = `${files.name}/${CONFIG}`;
  const config = readGpt2Config(await readJson(files, CONFIG), source);
  const options = transformerOptions(config, source);
  const tokenizer = await readTokenizer(files);
  if (tokenizer !== undefined && tokenizer.size > config.vocab_size) {
    throw refuse(
      `the tokenizer of ${files.name} does not match the model: it has ${tokenizer.size} tokens, config.json says ${config.vocab_size}`,
    );
  }
  const datum = datumOf(config);
  const model = createArTransformer(parseOptions("@latentkit/ar-transformer", arTransformerConfig, options), datum);
  const fields: Split["fields"] = { x: { shape: datum.shape, dtype: "int32" } };
  const specs = modelSpecs(model, { size: 0, fields, gather: () => ({}) }, 1);
  const expected = new Map(flatten<TensorSpec>(specs.params));
  const params = checkWeights(await readWeights(files), expected, files.name);
  const begin = config.bos_token_id ?? config.eos_token_id ?? 0;
  return {
    config: options,
    data: {
      title: `text as ${files.name} was trained on`,
      licence: "unknown",
      source: files.name,
      datum,
      fields,
      ...(tokenizer === undefined ? {} : { tokenizer, tokens: tokensOf(tokenizer.toJson()) }),
    },
    weights: new Map<string, HostTensor>([
      ...[...params].map(([name, tensor]) => [`params.${name}`, tensor] as const),
      ["state.begins", hostTensor(new Int32Array(KEPT_ROWS).fill(begin), [KEPT_ROWS, 1], "int32")],
    ]),
    files: await keptFiles(files),
  };
}

/** Windows of a text as long as the model can look. */
function datumOf({ vocab_size, n_positions }: Gpt2Config): DatumSpec {
  return { kind: "tokens", shape: [n_positions + 1], vocabulary: vocab_size, context: 1 };
}

async function readJson(files: ForeignFolder, name: string): Promise<unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(await files.read(name)));
  } catch (error) {
    throw refuse(`${files.name}/${name} is not JSON (${(error as Error).message}); copy it again`);
  }
}

/** `tokenizer.json`, or the two files that came before it. */
async function readTokenizer(files: ForeignFolder): Promise<Tokenizer | undefined> {
  const text = async (name: string) => new TextDecoder().decode(await files.read(name));
  if (files.files.includes(TOKENIZER))
    return createTokenizer(parseTokenizerJson(await text(TOKENIZER), `${files.name}/${TOKENIZER}`));
  if (!files.files.includes("vocab.json") || !files.files.includes("merges.txt")) return undefined;
  const vocab = (await readJson(files, "vocab.json")) as Record<string, number>;
  const merges = (await text("merges.txt")).split("\n").filter((line) => line !== "" && !line.startsWith("#version"));
  const special = Object.keys(vocab).filter((token) => token === "<|endoftext|>");
  const tokens = tokensOf({ model: { vocab } });
  return createTokenizer(byteLevelBpe({ tokens, merges, special }));
}

async function keptFiles(files: ForeignFolder): Promise<Map<string, Uint8Array>> {
  const names = files.files.filter(
    (name) => KEPT.test(name) && !name.includes("/") && !name.endsWith(".safetensors.index.json"),
  );
  return new Map(await Promise.all(names.map(async (name) => [name, await files.read(name)] as const)));
}

async function writeGpt2Folder(model: ForeignSource): Promise<Map<string, Uint8Array>> {
  const { config, data, weights } = model;
  const options = parseOptions("@latentkit/ar-transformer", arTransformerConfig, config);
  const { architecture } = wireTransformer(options, data.datum);
  const params = new Map(
    [...weights].flatMap(([path, tensor]) => (path.startsWith("params.") ? [[path.slice(7), tensor] as const] : [])),
  );
  const tokenizer = data.tokenizer?.toJson();
  const eos = data.datum.special?.eos ?? endOf(tokenizer);
  const described = gpt2Config(architecture, eos);
  const files = new Map(model.files);
  if (!files.has(CONFIG)) files.set(CONFIG, asJson(described));
  else files.set(CONFIG, asJson(withOurDtype(JSON.parse(new TextDecoder().decode(files.get(CONFIG))))));
  if (!files.has(GENERATION)) files.set(GENERATION, asJson(generationConfig(described)));
  if (tokenizer !== undefined && !files.has(TOKENIZER)) {
    files.set(TOKENIZER, asJson(tokenizer));
    files.set("tokenizer_config.json", asJson(tokenizerConfig(described, tokenizer)));
  }
  files.set("model.safetensors", encodeSafetensors(writtenWeights(params, architecture.bias), { format: "pt" }));
  return files;
}

/** The token that ends a text, of a tokenizer that has one. */
function endOf(tokenizer: TokenizerJson | undefined): number | undefined {
  return tokenizer?.added_tokens?.find(({ content }) => content === "<|endoftext|>")?.id;
}

/** Weights are written as float32, whatever they were read from. */
function withOurDtype(config: Record<string, unknown>): Record<string, unknown> {
  const names = ["torch_dtype", "dtype"].filter((name) => name in config);
  return { ...config, ...Object.fromEntries(names.map((name) => [name, "float32"])) };
}

function generationConfig({ bos_token_id, eos_token_id }: Gpt2Config): Record<string, unknown> {
  return { _from_model_config: true, bos_token_id, eos_token_id };
}

function tokenizerConfig({ n_positions }: Gpt2Config, tokenizer: TokenizerJson): Record<string, unknown> {
  const end = tokenizer.added_tokens?.find(({ id }) => id === endOf(tokenizer))?.content;
  return {
    tokenizer_class: "PreTrainedTokenizerFast",
    model_max_length: n_positions,
    clean_up_tokenization_spaces: false,
    ...(end === undefined ? {} : { bos_token: end, eos_token: end, unk_token: end }),
  };
}

function asJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
