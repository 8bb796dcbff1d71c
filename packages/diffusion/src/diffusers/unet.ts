import { type DatumSpec, type Json, UserError } from "@latentkit/core";
import { type UNetConfig, unetConfig } from "../networks/unet/config.js";
import { blockTypes } from "../networks/unet/plan.js";
import { type JsonObject, snakeCase } from "./json.js";

/** What UNet2DModel takes when its config.json does not say. https://huggingface.co/docs/diffusers/api/models/unet2d */
const THEIR_DEFAULTS: JsonObject = {
  in_channels: 3,
  out_channels: 3,
  down_block_types: ["DownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D", "AttnDownBlock2D"],
  up_block_types: ["AttnUpBlock2D", "AttnUpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
  block_out_channels: [224, 448, 672, 896],
  layers_per_block: 2,
  downsample_padding: 1,
  attention_head_dim: 8,
  norm_num_groups: 32,
};

/** Ours without a word there. */
const OWN = new Set(["timeFactor"]);
const NAMES = Object.keys(unetConfig.shape).filter((name) => !OWN.has(name));

/** What a `unet/config.json` says of the network and of the pictures. */
export interface ReadUNet {
  readonly unet: Partial<UNetConfig>;
  readonly shape: DatumSpec["shape"];
  /** Rows of the table of classes. */
  readonly classes: number | undefined;
  /** Keys that are not ours. */
  readonly kept: JsonObject;
}

/** Reads `unet/config.json`. @throws UserError for a network that this package does not have. */
export function readUNetConfig(config: JsonObject, source: string): ReadUNet {
  const refuse = (text: string): never => {
    throw new UserError("@latentkit/diffusion", `${source}: ${text}`);
  };
  const { _class_name: kind = "UNet2DModel" } = config;
  if (kind !== "UNet2DModel") refuse(`_class_name must be UNet2DModel, got ${JSON.stringify(kind)}`);
  const given = { ...THEIR_DEFAULTS, ...config };
  const values = Object.fromEntries(
    NAMES.flatMap((name) => (given[snakeCase(name)] === undefined ? [] : [[name, given[snakeCase(name)]]])),
  );
  const parsed = unetConfig.safeParse(values);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [name = "", ...rest] = (issue?.path ?? []).map(String);
    const got = given[snakeCase(name)];
    return refuse(
      `${[snakeCase(name), ...rest].join(".")} is ${JSON.stringify(got)}, which is not supported (${issue?.message})`,
    );
  }
  const { in_channels: channels, out_channels: outputs } = given;
  if (channels !== outputs)
    refuse(`out_channels must be in_channels, got ${outputs} and ${channels}: learned variances are not supported`);
  const known = new Set([...NAMES.map(snakeCase), "sample_size", "in_channels", "out_channels", "num_class_embeds"]);
  return {
    unet: values as Partial<UNetConfig>,
    shape: [...sides(config.sample_size, refuse), channels as number],
    classes: classesOf(given, refuse),
    kept: Object.fromEntries(Object.entries(config).filter(([key]) => !known.has(key))),
  };
}

function sides(size: Json | undefined, refuse: (text: string) => never): [number, number] {
  if (typeof size === "number") return [size, size];
  if (Array.isArray(size) && size.length === 2) return size as unknown as [number, number];
  return refuse(
    `sample_size must be a number or [height, width], got ${JSON.stringify(size ?? null)}; write the size of the pictures`,
  );
}

function classesOf(config: JsonObject, refuse: (text: string) => never): number | undefined {
  const { num_class_embeds: classes = null, class_embed_type: kind = null } = config;
  if (typeof classes === "number") return classes;
  if (kind === "timestep") refuse("num_class_embeds must say how many classes there are");
  return undefined;
}

/** Writes `unet/config.json`. @param classes Rows of the table of classes. */
export function writeUNetConfig(
  config: UNetConfig,
  { shape }: Pick<DatumSpec, "shape">,
  classes: number | undefined,
  kept: JsonObject,
): JsonObject {
  const [height, width, channels] = shape as [number, number, number];
  const { downTypes, upTypes } = blockTypes(config);
  const values = { ...config, downBlockTypes: downTypes, upBlockTypes: upTypes } as unknown as JsonObject;
  return {
    _class_name: "UNet2DModel",
    _diffusers_version: "0.42.1",
    ...kept,
    ...Object.fromEntries(NAMES.map((name) => [snakeCase(name), values[name] ?? null])),
    sample_size: height === width ? height : [height, width],
    in_channels: channels,
    out_channels: channels,
    num_class_embeds: classes ?? null,
  };
}
