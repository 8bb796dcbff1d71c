import { RANDOM_KERNELS } from "@latentkit/jit";
import { kernelCases } from "@latentkit/jit/testing";
import { expect, test } from "vitest";
import { loweredKernels } from "./index.js";

test("there is a lowering for every kernel of the conformance table and of randomness", () => {
  const kernels = [...kernelCases.flatMap((one) => one.kernels), ...RANDOM_KERNELS.keys()];
  const lowered = loweredKernels();
  expect(kernels.filter((kernel) => !lowered.has(kernel))).toEqual([]);
});
