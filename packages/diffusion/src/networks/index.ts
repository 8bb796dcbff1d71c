import { UserError } from "@latentkit/core";
import type { z } from "zod";
import { mlpConfig, mlpNetwork } from "./mlp.js";
import type { Network, NetworkSubject } from "./network.js";

/** Options of every network, each under the network's own name. */
export const networkOptions = {
  mlp: mlpConfig.prefault({}).describe("sizes of the mlp: width, depth"),
};

/** Names of the networks. */
export const NETWORK_NAMES = ["mlp"] as const;

type NetworkConfig = z.output<z.ZodObject<typeof networkOptions>> & {
  readonly network: "auto" | (typeof NETWORK_NAMES)[number];
};

const MAKERS: Readonly<
  Record<(typeof NETWORK_NAMES)[number], (config: NetworkConfig, subject: NetworkSubject) => Network>
> = {
  mlp: (config, subject) => mlpNetwork(config.mlp, subject),
};

/** The network of a configuration: `auto` is the U-Net for images, the MLP for everything else. @throws UserError when it does not suit the data. */
export function createNetwork(config: NetworkConfig, subject: NetworkSubject): Network {
  const name = config.network === "auto" ? "mlp" : config.network;
  if (!(name in MAKERS))
    throw new UserError("@latentkit/diffusion", `network must be one of ${NETWORK_NAMES.join(", ")}`);
  return MAKERS[name](config, subject);
}
