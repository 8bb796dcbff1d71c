import { madeNetwork } from "../networks/made.js";
import { actnorm } from "../transforms/actnorm.js";
import { autoregressive } from "../transforms/autoregressive.js";
import { chain, inverse, repeat } from "../transforms/chain.js";
import { affine } from "../transforms/elementwise.js";
import { permute } from "../transforms/permute.js";
import { flattened } from "../transforms/squeeze.js";
import { type Architecture, layers, sizeOfShape } from "./architecture.js";

/**
 * Affine autoregressive layers, the order of the features reversed between them: likelihoods in one pass, samples feature by feature.
 * Papamakarios, Pavlakou, Murray, "Masked autoregressive flow for density estimation", 2017. https://arxiv.org/abs/1705.07057
 */
export const maf: Architecture = ({ layers: n = 5, width = 128, depth = 2 }, shape) => {
  const D = sizeOfShape(shape);
  const block = chain({
    norm: actnorm(),
    turn: permute(D, "reverse"),
    autoregressive: autoregressive(affine(), madeNetwork({ width, blocks: depth }), D),
  });
  return chain({ flat: flattened(shape), blocks: repeat(n, block) });
};

/**
 * The same layers the other way round: samples in one pass, likelihoods feature by feature.
 * Kingma et al., "Improved variational inference with inverse autoregressive flow", 2016. https://arxiv.org/abs/1606.04934
 */
export const iaf: Architecture = ({ layers: n = 5, width = 128, depth = 2 }, shape) => {
  const D = sizeOfShape(shape);
  const layer = () =>
    chain({
      norm: actnorm(),
      turn: permute(D, "reverse"),
      autoregressive: inverse(autoregressive(affine(), madeNetwork({ width, blocks: depth }), D)),
    });
  return chain({ flat: flattened(shape), ...layers(n, layer) });
};
