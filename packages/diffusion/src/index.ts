export { diffusionConfig } from "./config.js";
export { createNetwork } from "./networks/index.js";
export { mlpNetwork } from "./networks/mlp.js";
export type { Conditions, Network, NetworkSubject } from "./networks/network.js";
