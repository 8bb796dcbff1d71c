/**
 * The tensors of a GPT-2 file. Their names are the paths of our parameters, and kernels lie `[in, out]` in both, so nothing is renamed or
 * transposed. Files of the hub begin without the prefix `transformer.`, those that `save_pretrained` writes have it.
 */
import { decodeSafetensors, type ForeignFolder, type HostTensor, hostTensor, type TensorSpec } from "@latentkit/core";
import { refuse } from "../architecture.js";

const INDEX = "model.safetensors.index.json";
const SINGLE = "model.safetensors";
const PREFIX = "transformer.";
const HEAD = "lm_head.weight";
/** Masks that older versions stored beside the weights. */
const BUFFER = /^transformer\.h\.\d+\.attn\.(bias|masked_bias)$/;

/** The tensors of one file or of its shards, by name with the prefix. @throws UserError when a file is missing or damaged, or a name comes twice. */
export async function readWeights(files: ForeignFolder): Promise<Map<string, HostTensor>> {
  const tensors = new Map<string, HostTensor>();
  for (const file of await weightFiles(files)) {
    for (const [name, tensor] of decodeSafetensors(await files.read(file), `${files.name}/${file}`).tensors) {
      const full = name === HEAD || name.startsWith(PREFIX) ? name : `${PREFIX}${name}`;
      if (tensors.has(full)) throw refuse(`${files.name}: tensor ${full} is given twice; remove one of them`);
      if (!BUFFER.test(full)) tensors.set(full, tensor);
    }
  }
  return tensors;
}

async function weightFiles({ name, files: names, read }: ForeignFolder): Promise<string[]> {
  if (names.includes(SINGLE)) return [SINGLE];
  if (!names.includes(INDEX)) throw refuse(`${name} has neither ${SINGLE} nor ${INDEX}; give a folder with weights`);
  const { weight_map: map } = JSON.parse(new TextDecoder().decode(await read(INDEX))) as {
    weight_map?: Record<string, string>;
  };
  const shards = [...new Set(Object.values(map ?? {}))].sort();
  const missing = shards.find((shard) => !names.includes(shard));
  if (missing !== undefined) throw refuse(`${name} lacks ${missing}, which ${INDEX} names; copy it there`);
  if (shards.length === 0) throw refuse(`${name}/${INDEX} names no file; copy it again`);
  return shards;
}

/**
 * The tensors as parameters of a network.
 *
 * @param expected Shapes by path, without `params.`.
 * @throws UserError naming all tensors that are missing, unknown or of another shape.
 */
export function checkWeights(
  tensors: ReadonlyMap<string, HostTensor>,
  expected: ReadonlyMap<string, TensorSpec>,
  source: string,
): Map<string, HostTensor> {
  const found = withoutTiedHead(tensors, expected, source);
  const missing = [...expected.keys()].filter((name) => !found.has(name));
  const unknown = [...found.keys()].filter((name) => !expected.has(name));
  const misshapen = [...found].flatMap(([name, { shape }]) => {
    const wanted = expected.get(name)?.shape;
    const same =
      wanted === undefined || (wanted.length === shape.length && wanted.every((size, i) => size === shape[i]));
    return same ? [] : [`${name} is [${shape}] instead of [${wanted}]`];
  });
  const problems = [
    ...(missing.length > 0 ? [`missing ${listed(missing)}`] : []),
    ...(unknown.length > 0 ? [`unknown ${listed(unknown)}`] : []),
    ...(misshapen.length > 0 ? [listed(misshapen)] : []),
  ];
  if (problems.length > 0) throw refuse(`the weights of ${source} do not fit its config.json: ${problems.join("; ")}`);
  return found;
}

/** A few names, and how many more there are. */
function listed(names: readonly string[]): string {
  const shown = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${shown} and ${names.length - 5} more` : shown;
}

/** A tied head is the embedding; a copy of it in the file adds nothing, another matrix contradicts `config.json`. */
function withoutTiedHead(
  tensors: ReadonlyMap<string, HostTensor>,
  expected: ReadonlyMap<string, TensorSpec>,
  source: string,
): Map<string, HostTensor> {
  const found = new Map(tensors);
  const head = found.get(HEAD);
  if (head === undefined || expected.has(HEAD)) return found;
  const embedding = found.get(`${PREFIX}wte.weight`);
  const same =
    embedding !== undefined &&
    head.data.length === embedding.data.length &&
    (head.data as Float32Array).every((value, i) => value === embedding.data[i]);
  if (!same) {
    throw refuse(
      `the weights of ${source} have an ${HEAD} of its own, but its config.json ties it to the embedding; set tie_word_embeddings false`,
    );
  }
  found.delete(HEAD);
  return found;
}

/** Parameters as the tensors of a file, with the biases that GPT-2 has and a network without them computes as zeros. */
export function writtenWeights(params: ReadonlyMap<string, HostTensor>, bias: boolean): Map<string, HostTensor> {
  if (bias) return new Map(params);
  return new Map(
    [...params].flatMap(([name, tensor]) => {
      const isTable = name === HEAD || /\.(wte|wpe)\.weight$/.test(name);
      const width = tensor.shape.at(-1) as number;
      const zeros = [name.replace(/weight$/, "bias"), hostTensor(new Float32Array(width), [width])] as const;
      return isTable ? [[name, tensor] as const] : [[name, tensor] as const, zeros];
    }),
  );
}
