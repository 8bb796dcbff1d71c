import { madeNetwork } from "../networks/made.js";
import { residualMlp } from "../networks/residual-mlp.js";
import { actnorm } from "../transforms/actnorm.js";
import { autoregressive } from "../transforms/autoregressive.js";
import { chain, repeat } from "../transforms/chain.js";
import { coupling } from "../transforms/coupling.js";
import { linear } from "../transforms/linear.js";
import { permute } from "../transforms/permute.js";
import { rationalQuadraticSpline } from "../transforms/spline.js";
import { flattened } from "../transforms/squeeze.js";
import type { Transform } from "../transforms/transform.js";
import { type Architecture, layers, sizeOfShape } from "./architecture.js";

/** Beyond this many features a learned linear map between the layers costs more than the layers. */
const MAX_LINEAR = 128;

/**
 * Couplings of rational-quadratic splines, with a permutation and an LU linear map before each.
 * Durkan, Bekasov, Murray, Papamakarios, "Neural spline flows", 2019: RQ-NSF (C). https://arxiv.org/abs/1906.04032
 */
export const nsf: Architecture = ({ layers: n = 8, width = 128, depth = 2, bins, bound }, shape) => {
  const D = sizeOfShape(shape);
  const layer = (i: number) =>
    chain({
      norm: actnorm(),
      order: permute(D, D === 2 ? "reverse" : i),
      ...mixing(D),
      coupling: coupling(rationalQuadraticSpline({ bins, bound }), residualMlp({ width, blocks: depth })),
    });
  return chain({ flat: flattened(shape), ...layers(n, layer), ...mixing(D) });
};

/** The same splines, autoregressive: RQ-NSF (AR). Better on hard densities, samples feature by feature. */
export const nsfAutoregressive: Architecture = ({ layers: n = 5, width = 128, depth = 2, bins, bound }, shape) => {
  const D = sizeOfShape(shape);
  const block = chain({
    norm: actnorm(),
    turn: permute(D, "reverse"),
    ...mixing(D),
    autoregressive: autoregressive(rationalQuadraticSpline({ bins, bound }), madeNetwork({ width, blocks: depth }), D),
  });
  return chain({ flat: flattened(shape), blocks: repeat(n, block), ...mixing(D) });
};

const mixing = (D: number): Record<string, Transform> => (D <= MAX_LINEAR ? { linear: linear({ features: D }) } : {});
