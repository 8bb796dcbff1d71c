import type { TensorTree } from "@latentkit/core";
import type { Network, NetworkSubject } from "../network.js";
import type { UNetConfig } from "./config.js";
import { planUNet } from "./plan.js";
import { type UNetParams, unet, unetInit } from "./unet.js";

/** The U-Net as a network of this package. @throws UserError when it does not suit the data. */
export function unetNetwork(config: UNetConfig, { shape, classes }: NetworkSubject): Network {
  const plan = planUNet(config, { shape }, classes);
  return {
    init: (key) => unetInit(key, plan) as unknown as TensorTree,
    apply: (params, x, { time, label }, key) => unet(plan, params as unknown as UNetParams, x, { t: time, label, key }),
  };
}
