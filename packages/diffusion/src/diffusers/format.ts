/*
 * Pipeline folders of diffusers: `model_index.json`, `unet/`, `scheduler/`. https://huggingface.co/docs/diffusers/using-diffusers/loading
 *
 * What our words cannot say is kept with the run and written back: unknown keys, samplers and their settings. What theirs cannot say (which class is
 * the null class, the data's range) stands in a file of our own, which diffusers leaves alone.
 */
import {
  type DatumSpec,
  decodeSafetensors,
  encodeSafetensors,
  type ForeignFolder,
  type ForeignFormat,
  type ForeignModel,
  type ForeignSource,
  type HostTensor,
  hostTensor,
  UserError,
} from "@latentkit/core";
import { type DiffusionConfig, diffusionConfig } from "../config.js";
import { settingsOf } from "../presets.js";
import { type JsonObject, readJson, writeJson } from "./json.js";
import { type ReadScheduler, readScheduler, writeScheduler } from "./scheduler.js";
import { nameOf, negated, pathOf, toOurs, toTheirs, withoutLastRow, withZeroRow } from "./tensors.js";
import { type ReadUNet, readUNetConfig, writeUNetConfig } from "./unet.js";

const INDEX = "model_index.json";
const UNET = "unet/config.json";
const WEIGHTS = "unet/diffusion_pytorch_model";
const SCHEDULER = "scheduler/scheduler_config.json";
const OWN = "latentkit.json";

const NETWORK = "params.network.";
const CLASSES = "class_embedding.embedding";
/** The last layer, whose sign is that of the answer. */
const LAST = /^conv_out\./;

/** Folders of diffusers with a UNet2DModel. */
export const diffusersFormat: ForeignFormat = {
  name: "diffusers",
  summary: "pipeline folder of Hugging Face's diffusers: model_index.json, unet/, scheduler/",
  recognizes: async ({ files }) => files.includes(INDEX) && files.includes(UNET),
  read: readFolder,
  write: writeFolder,
};

/** What our own file adds. */
interface Own {
  readonly config: Readonly<Record<string, unknown>>;
  readonly datum: DatumSpec;
  readonly labelNames?: readonly string[];
  readonly sigmaData?: number;
}

async function readFolder(folder: ForeignFolder): Promise<ForeignModel> {
  const index = await readJson(folder, INDEX);
  const scheduler = await readJson(folder, SCHEDULER);
  const read = {
    unet: readUNetConfig(await readJson(folder, UNET), `${folder.name}/${UNET}`),
    process: readScheduler(scheduler, `${folder.name}/${SCHEDULER}`),
  };
  const own = folder.files.includes(OWN) ? ((await readJson(folder, OWN)) as unknown as Own) : undefined;
  const { unet, process } = read;
  const { classes } = unet;
  const given = own?.config ?? { conditional: classes !== undefined, dropLabel: 0 };
  const datum = own?.datum ?? {
    kind: "continuous",
    shape: unet.shape,
    range: [-1, 1],
    ...(classes === undefined ? {} : { classes }),
  };
  return {
    config: {
      ...given,
      ...process.config,
      network: "unet",
      unet: { ...unet.unet, timeFactor: process.timeFactor },
    },
    data: {
      title: `what ${folder.name} makes`,
      licence: "that of the folder",
      source: folder.name,
      datum,
      ...(own?.labelNames ? { labelNames: own.labelNames } : {}),
    },
    weights: await readWeights(folder, read, own),
    kept: { index, unet: unet.kept, scheduler },
  };
}

/** Weights by our paths. */
async function readWeights(
  folder: ForeignFolder,
  { unet, process }: { unet: ReadUNet; process: ReadScheduler },
  own: Own | undefined,
): Promise<Map<string, HostTensor>> {
  const hasTable = unet.unet.timeEmbeddingType === "learned";
  const weights = new Map<string, HostTensor>();
  for (const [name, tensor] of await readTensors(folder)) {
    const path = pathOf(name, hasTable);
    const ours = toOurs(path, tensor);
    weights.set(NETWORK + path, process.negated && LAST.test(path) ? negated(ours) : ours);
  }
  const hasNull = own !== undefined && own.config.dropLabel !== 0;
  if (unet.classes !== undefined && unet.unet.classEmbedType == null && !hasNull)
    weights.set(NETWORK + CLASSES, withZeroRow(weights.get(NETWORK + CLASSES)));
  const sigmaData = process.sigmaData ?? own?.sigmaData ?? 0.5;
  weights.set("state.sigmaData", hostTensor([sigmaData], []));
  return weights;
}

/** Tensors of the network, of one file or of several. @throws UserError when there are none that can be read. */
async function readTensors(folder: ForeignFolder): Promise<Map<string, HostTensor>> {
  const read = async (path: string) =>
    decodeSafetensors(await folder.read(path), `${folder.name}/${path}`).tensors as Map<string, HostTensor>;
  const single = [`${WEIGHTS}.safetensors`, `${WEIGHTS}.fp16.safetensors`].find((path) => folder.files.includes(path));
  if (single !== undefined) return read(single);
  const shards = folder.files.filter((path) => path.startsWith(`${WEIGHTS}-`) && path.endsWith(".safetensors"));
  if (shards.length > 0) return new Map((await Promise.all(shards.map(read))).flatMap((tensors) => [...tensors]));
  const old = folder.files.find((path) => path.startsWith("unet/") && path.endsWith(".bin"));
  const hint =
    old === undefined ? "copy it" : `${old} is a pickle, which is not read: save it with diffusers as safetensors`;
  throw new UserError("@latentkit/diffusion", `${folder.name} has no ${WEIGHTS}.safetensors; ${hint}`);
}

async function writeFolder({
  config: given,
  data,
  weights,
  kept = {},
}: ForeignSource): Promise<Map<string, Uint8Array>> {
  const config = diffusionConfig.parse(given);
  const { datum, labelNames } = data;
  checkWritable(config, datum);
  const before = kept as { readonly index?: JsonObject; readonly unet?: JsonObject; readonly scheduler?: JsonObject };
  const { sigmaMin, sigmaMax, shift, unet } = config;
  const sigmaData = weights.get("state.sigmaData")?.data[0] ?? 1;
  const written = { settings: settingsOf(config), sigmaMin, sigmaMax, shift, sigmaData, timeFactor: unet.timeFactor };
  const scheduler = writeScheduler(written, before.scheduler ?? {});
  const classes = config.conditional ? (datum.classes as number) + (config.dropLabel > 0 ? 1 : 0) : undefined;
  const tensors = writtenTensors(weights, { negates: scheduler.negated, dropsNull: config.dropLabel === 0 });
  const own = { config, datum, ...(labelNames ? { labelNames } : {}), sigmaData };
  const index = {
    _class_name: "DDPMPipeline",
    _diffusers_version: "0.42.1",
    unet: ["diffusers", "UNet2DModel"],
    ...before.index,
    scheduler: ["diffusers", scheduler.config._class_name ?? "DDPMScheduler"],
  };
  return new Map([
    [INDEX, writeJson(index)],
    [UNET, writeJson(writeUNetConfig(unet, datum, classes, before.unet ?? {}))],
    [`${WEIGHTS}.safetensors`, encodeSafetensors(tensors, { format: "pt" })],
    [SCHEDULER, writeJson(scheduler.config)],
    [OWN, writeJson(own as unknown as JsonObject)],
  ]);
}

function checkWritable({ network }: DiffusionConfig, { shape }: DatumSpec): void {
  if (network === "unet" || (network === "auto" && shape.length === 3)) return;
  throw new UserError(
    "@latentkit/diffusion",
    `only a U-Net can be written as a diffusers folder, this model has network ${network}; train one with network unet`,
  );
}

/** Tensors of the network by their names. */
function writtenTensors(
  weights: ReadonlyMap<string, HostTensor>,
  { negates, dropsNull }: { negates: boolean; dropsNull: boolean },
): Map<string, HostTensor> {
  const written = new Map<string, HostTensor>();
  for (const [fullPath, tensor] of weights) {
    if (!fullPath.startsWith(NETWORK)) continue;
    const path = fullPath.slice(NETWORK.length);
    const signed = negates && LAST.test(path) ? negated(tensor) : tensor;
    written.set(nameOf(path), toTheirs(path, path === CLASSES && dropsNull ? withoutLastRow(signed) : signed));
  }
  return written;
}
