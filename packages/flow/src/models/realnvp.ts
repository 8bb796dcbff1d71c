import { gatedConv } from "../networks/gated-conv.js";
import { residualMlp } from "../networks/residual-mlp.js";
import { actnorm } from "../transforms/actnorm.js";
import { chain } from "../transforms/chain.js";
import { checkerboardCoupling, coupling } from "../transforms/coupling.js";
import { affine } from "../transforms/elementwise.js";
import { permute } from "../transforms/permute.js";
import { flattened } from "../transforms/squeeze.js";
import { type Architecture, layers, sizeOfShape } from "./architecture.js";

/**
 * Affine couplings. Vectors: the halves change roles. Images: black and white squares of a checkerboard change roles, convolutional networks;
 * with 8 layers of 32 channels these are the 335,128 parameters of the UvA tutorial's flow on MNIST (published: 1.078 bits/dim).
 * Dinh, Sohl-Dickstein, Bengio, "Density estimation using Real NVP", 2016. https://arxiv.org/abs/1605.08803
 */
export const realnvp: Architecture = (config, shape) =>
  shape.length === 3 ? images(config, shape) : vectors(config, shape);

const vectors: Architecture = ({ layers: n = 8, width = 128, depth = 2 }, shape) => {
  const D = sizeOfShape(shape);
  const layer = () =>
    chain({
      norm: actnorm(),
      coupling: coupling(affine(), residualMlp({ width, blocks: depth })),
      swap: permute(D, "reverse"),
    });
  return chain({ flat: flattened(shape), ...layers(n, layer) });
};

const images: Architecture = ({ layers: n = 8, width = 32, depth = 3 }, shape) =>
  chain({
    ...layers(n, (i) =>
      checkerboardCoupling(affine(), gatedConv({ channels: width, layers: depth }), i % 2 === 0 ? 0 : 1),
    ),
    flat: flattened(shape),
  });
