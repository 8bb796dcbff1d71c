import { type DatumSpec, UserError } from "@latentkit/core";
import type { UNetConfig } from "./config.js";

/** One residual block: channels before and after. */
export interface ResnetPlan {
  readonly inputs: number;
  readonly outputs: number;
}

/** One level on the way down or up. */
export interface LevelPlan {
  readonly resnets: readonly ResnetPlan[];
  readonly channels: number;
  readonly attention: boolean;
  /** How the level ends by halving or doubling height and width; absent at the coarsest and the finest. */
  readonly sampler?: "conv" | "resnet";
}

/** The wiring of a U-Net: what a configuration and the shape of a picture decide. */
export interface UNetPlan {
  readonly config: UNetConfig;
  readonly inputs: number;
  readonly outputs: number;
  readonly down: readonly LevelPlan[];
  readonly mid: LevelPlan | undefined;
  readonly up: readonly LevelPlan[];
  /** Rows of the table of classes; absent when the network takes no class. */
  readonly classes: number | undefined;
  /** Width of the time's features before and after the time's layers. */
  readonly timeFeatures: number;
  readonly timeWidth: number;
}

/**
 * Levels of a U-Net as in diffusers' UNet2DModel: residual blocks on the way up take, one by one, what those on the way down left.
 * Ronneberger et al., 2015, figure 1 https://arxiv.org/abs/1505.04597; Ho et al., 2020, appendix B https://arxiv.org/abs/2006.11239
 *
 * @param classes Rows of the table of classes, that of "no class" among them.
 * @throws UserError when the levels do not fit each other or the picture.
 */
export function planUNet(config: UNetConfig, { shape }: Pick<DatumSpec, "shape">, classes?: number): UNetPlan {
  const [height, width, channels] = checkShape(shape);
  const { blockOutChannels: widths, layersPerBlock } = config;
  checkSizes(height, width, widths.length);
  checkGroups(config);
  const { downTypes, upTypes } = blockTypes(config);
  const last = widths.length - 1;
  const down = downTypes.map((type, i): LevelPlan => {
    const [inputs, outputs] = [widths[Math.max(0, i - 1)] as number, widths[i] as number];
    const resnets = Array.from({ length: layersPerBlock }, (_, j) => ({ inputs: j === 0 ? inputs : outputs, outputs }));
    const sampler = i === last ? {} : { sampler: samplerOf(type, config.downsampleType) };
    return { resnets, channels: outputs, attention: type === "AttnDownBlock2D", ...sampler };
  });
  const reversed = [...widths].reverse();
  const up = upTypes.map((type, i): LevelPlan => {
    const [before, outputs] = [reversed[Math.max(0, i - 1)] as number, reversed[i] as number];
    const below = reversed[Math.min(i + 1, last)] as number;
    const resnets = Array.from({ length: layersPerBlock + 1 }, (_, j) => {
      const skipped = j === layersPerBlock ? below : outputs;
      return { inputs: (j === 0 ? before : outputs) + skipped, outputs };
    });
    const sampler = i === last ? {} : { sampler: samplerOf(type, config.upsampleType) };
    return { resnets, channels: outputs, attention: type === "AttnUpBlock2D", ...sampler };
  });
  const middle = widths[last] as number;
  const pair = [middle, middle].map((outputs) => ({ inputs: middle, outputs }));
  const mid =
    config.midBlockType === null ? undefined : { resnets: pair, channels: middle, attention: config.addAttention };
  const first = widths[0] as number;
  return {
    config,
    inputs: channels,
    outputs: channels,
    down,
    mid,
    up,
    classes,
    timeFeatures: config.timeEmbeddingType === "fourier" ? 2 * first : first,
    timeWidth: config.timeEmbeddingDim ?? 4 * first,
  };
}

/** Only attention levels may choose; the residual kinds name it themselves. */
const samplerOf = (type: string, chosen: "conv" | "resnet"): "conv" | "resnet" =>
  type.startsWith("Attn") ? chosen : type.startsWith("Resnet") ? "resnet" : "conv";

/** The kinds of the levels, in the order they are passed. */
export function blockTypes(config: UNetConfig): {
  downTypes: NonNullable<UNetConfig["downBlockTypes"]>;
  upTypes: NonNullable<UNetConfig["upBlockTypes"]>;
} {
  const count = config.blockOutChannels.length;
  const downTypes =
    config.downBlockTypes ??
    config.blockOutChannels.map((_, i) => (i === count - 1 ? "AttnDownBlock2D" : "DownBlock2D"));
  const mirror = {
    DownBlock2D: "UpBlock2D",
    AttnDownBlock2D: "AttnUpBlock2D",
    ResnetDownsampleBlock2D: "ResnetUpsampleBlock2D",
  } as const;
  const upTypes = config.upBlockTypes ?? [...downTypes].reverse().map((type) => mirror[type]);
  for (const [name, types] of Object.entries({ downBlockTypes: downTypes, upBlockTypes: upTypes })) {
    if (types.length === count) continue;
    throw new UserError(
      "@latentkit/diffusion",
      `unet.${name} must name one kind for each of the ${count} entries of blockOutChannels, got ${types.length}`,
    );
  }
  return { downTypes, upTypes };
}

function checkShape(shape: readonly number[]): [height: number, width: number, channels: number] {
  if (shape.length === 3) return shape as unknown as [number, number, number];
  throw new UserError(
    "@latentkit/diffusion",
    `network must not be unet for data of shape [${shape}]: it takes images [height, width, channels]; use mlp`,
  );
}

function checkSizes(height: number, width: number, levels: number): void {
  const factor = 2 ** (levels - 1);
  if (height % factor === 0 && width % factor === 0) return;
  throw new UserError(
    "@latentkit/diffusion",
    `images of ${height}x${width} cannot be halved ${levels - 1} times as unet.blockOutChannels with ${levels} levels asks; give fewer levels, or images whose sides ${factor} divides`,
  );
}

function checkGroups({ blockOutChannels, normNumGroups, attnNormNumGroups }: UNetConfig): void {
  const bad = blockOutChannels.find((channels) => channels % normNumGroups !== 0);
  if (bad !== undefined) {
    throw new UserError(
      "@latentkit/diffusion",
      `unet.normNumGroups must divide all of blockOutChannels, ${normNumGroups} does not divide ${bad}; choose another number`,
    );
  }
  const middle = blockOutChannels[blockOutChannels.length - 1] as number;
  if (attnNormNumGroups === null || middle % attnNormNumGroups === 0) return;
  throw new UserError(
    "@latentkit/diffusion",
    `unet.attnNormNumGroups must divide the last of blockOutChannels, ${attnNormNumGroups} does not divide ${middle}; choose another number`,
  );
}
