import { hostKey, hostTensor, philoxUniform } from "@latentkit/core";
import { createNetwork, diffusionConfig } from "@latentkit/diffusion";
import * as tf from "@tensorflow/tfjs-core";
import { integers, normals } from "./host-values.mjs";

/** The network that tools/bench/diffusion-mnist.mjs trains. */
export const UNET2D = { blockOutChannels: [32, 32, 64] };
const CLASSES = 10;

/** Times as networks are told them, 0 to 1000. */
const times = (n) =>
  hostTensor(
    philoxUniform(hostKey(0, "times"), n).map((u) => 1000 * u),
    [n],
  );

/** The noise prediction of a U-Net by the names of diffusers' UNet2DModel, with classes and attention at the coarsest level. */
export function unet2dStep({ batchSize = 64, size = 28, unet = UNET2D } = {}) {
  const shape = [size, size, 1];
  const network = createNetwork(diffusionConfig.parse({ network: "unet", unet }), { shape, classes: CLASSES + 1 });
  const objective = {
    name: "denoise",
    trains: ["unet"],
    loss: ({ unet: params }, _state, { x, t, label, eps }) => ({
      loss: tf.mean(tf.square(tf.sub(network.apply(params, x, { time: t, label }), eps))),
    }),
  };
  return {
    model: { init: (key) => ({ params: { unet: network.init(key) }, state: {} }), objectives: [objective] },
    batch: {
      x: normals("x", [batchSize, ...shape]),
      t: times(batchSize),
      label: integers("label", [batchSize], CLASSES + 1),
      eps: normals("eps", [batchSize, ...shape]),
    },
    optimizer: { name: "adam", learningRate: 1e-3 },
    noise: {},
    /** Network, for whoever samples with it. */
    network,
  };
}
