import type { z } from "zod";
import { ditConfig, ditNetwork } from "./dit.js";
import { mlpConfig, mlpNetwork } from "./mlp.js";
import type { Network, NetworkSubject } from "./network.js";
import { unetConfig } from "./unet/config.js";
import { unetNetwork } from "./unet/network.js";

/** Options of every network, each under the network's own name. */
export const networkOptions = {
  mlp: mlpConfig.prefault({}).describe("sizes of the mlp: width, depth"),
  unet: unetConfig
    .prefault({})
    .describe(
      "the U-Net by the options of diffusers' UNet2DModel in camel case: blockOutChannels, layersPerBlock, downBlockTypes, dropout …",
    ),
  dit: ditConfig.prefault({}).describe("sizes of the diffusion transformer: patch, width, depth, heads"),
};

/** Names of the networks. */
export const NETWORK_NAMES = ["mlp", "unet", "dit"] as const;

type NetworkConfig = z.output<z.ZodObject<typeof networkOptions>> & {
  readonly network: "auto" | (typeof NETWORK_NAMES)[number];
};

const MAKERS: Readonly<
  Record<(typeof NETWORK_NAMES)[number], (config: NetworkConfig, subject: NetworkSubject) => Network>
> = {
  mlp: (config, subject) => mlpNetwork(config.mlp, subject),
  unet: (config, subject) => unetNetwork(config.unet, subject),
  dit: (config, subject) => ditNetwork(config.dit, subject),
};

/** The network of a configuration: `auto` is the U-Net for images, the MLP for everything else. @throws UserError when it does not suit the data. */
export function createNetwork(config: NetworkConfig, subject: NetworkSubject): Network {
  const auto = subject.shape.length === 3 ? "unet" : "mlp";
  return MAKERS[config.network === "auto" ? auto : config.network](config, subject);
}
