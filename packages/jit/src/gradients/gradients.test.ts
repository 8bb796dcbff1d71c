import { describe, it } from "vitest";
import "./index.js";
import { checkGradient } from "../testing/finite-difference.js";
import { caseInputs, kernelCases } from "../testing/kernel-cases.js";

const differentiable = kernelCases.filter((one) => one.differentiable !== false);
const wrt = (positions: boolean | readonly number[]) => (typeof positions === "boolean" ? {} : { wrt: positions });

describe("gradients agree with differences of values", () => {
  it.each(differentiable.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    await checkGradient(one.build, caseInputs(one), wrt(one.differentiable));
  });
});

describe("gradients of gradients agree with differences of gradients", () => {
  const twice = differentiable.filter((one) => one.secondOrder);
  it.each(twice.map((one) => [one.name, one] as const))("%s", async (_name, one) => {
    await checkGradient(one.build, caseInputs(one), { order: 2, ...wrt(one.differentiable) });
  });
});
