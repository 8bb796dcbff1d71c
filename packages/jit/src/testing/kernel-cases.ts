import { type HostTensor, hostTensor, sizeOf } from "../host-tensor.js";
import type { CaseInput, KernelCase } from "./cases/case.js";
import { convolutionCases } from "./cases/convolution.js";
import { elementwiseCases } from "./cases/elementwise.js";
import { imageCases } from "./cases/image.js";
import { indexingCases } from "./cases/indexing.js";
import { layoutCases } from "./cases/layout.js";
import { matmulCases } from "./cases/matmul.js";
import { reductionCases } from "./cases/reduction.js";

export type { KernelCase } from "./cases/case.js";

/** At least one case for every kernel that can be traced: the same table serves inference, gradients and the engines' conformance suite. */
export const kernelCases: readonly KernelCase[] = [
  ...elementwiseCases,
  ...matmulCases,
  ...convolutionCases,
  ...imageCases,
  ...reductionCases,
  ...layoutCases,
  ...indexingCases,
];

/** The values of a case's inputs, the same on every call. */
export function caseInputs({ inputs }: Pick<KernelCase, "inputs">): HostTensor[] {
  return inputs.map((input, i) => hostTensor(input.values ?? spread(input, i), input.shape, input.dtype));
}

/** One value from each of n equal parts of [low, high), shuffled: no two are close, whatever the order. */
function spread({ shape, low = -1, high = 1 }: CaseInput, seed: number): number[] {
  const n = sizeOf(shape);
  const order = shuffled(n, seed);
  return order.map((place) => low + ((place + 0.37) / n) * (high - low));
}

function shuffled(n: number, seed: number): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  let word = (seed * 40503 + 9176) >>> 0;
  for (let i = n - 1; i > 0; i--) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    const j = Math.floor((word / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
