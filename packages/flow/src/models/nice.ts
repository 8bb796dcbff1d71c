import { residualMlp } from "../networks/residual-mlp.js";
import { actnorm } from "../transforms/actnorm.js";
import { chain } from "../transforms/chain.js";
import { coupling } from "../transforms/coupling.js";
import { additive } from "../transforms/elementwise.js";
import { permute } from "../transforms/permute.js";
import { flattened } from "../transforms/squeeze.js";
import { type Architecture, layers, sizeOfShape } from "./architecture.js";

/**
 * Additive couplings, the halves changing roles, then one diagonal scale.
 * Dinh, Krueger, Bengio, "NICE: non-linear independent components estimation", 2014, §3. https://arxiv.org/abs/1410.8516
 */
export const nice: Architecture = ({ layers: n = 8, width = 128, depth = 2 }, shape) => {
  const D = sizeOfShape(shape);
  const layer = () =>
    chain({ coupling: coupling(additive(), residualMlp({ width, blocks: depth })), swap: permute(D, "reverse") });
  return chain({ flat: flattened(shape), norm: actnorm(), ...layers(n, layer), scale: actnorm() });
};
