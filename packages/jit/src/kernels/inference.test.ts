import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../gradients/index.js";
import { formatSpec, type TensorSpec } from "../host-tensor.js";
import { toTensor } from "../run-node.js";
import { caseInputs, kernelCases } from "../testing/kernel-cases.js";
import { inferences } from "./index.js";
import type { InputSpecs } from "./symbolic.js";

const called = new Set<string>();
const wrong: string[] = [];
const restore: (() => void)[] = [];

/** Makes every kernel of the cpu backend compare what it returns with what was inferred. */
beforeAll(async () => {
  await tf.setBackend("cpu");
  for (const config of tf.getKernelsForBackend("cpu")) {
    const { kernelName, kernelFunc } = config;
    config.kernelFunc = (args) => {
      const result = kernelFunc(args);
      called.add(kernelName);
      compare(kernelName, args.inputs, args.attrs ?? {}, result);
      return result;
    };
    restore.push(() => {
      config.kernelFunc = kernelFunc;
    });
  }
});

afterAll(() => {
  for (const undo of restore) undo();
});

function compare(kernel: string, inputs: object, attrs: object, result: unknown): void {
  const present = Object.entries(inputs).filter(([, t]) => t != null);
  const specs: InputSpecs = Object.fromEntries(present.map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
  const actual = [result].flat() as TensorSpec[];
  const infer = inferences().get(kernel);
  const inferred = infer === undefined ? "nothing is registered" : describeSpecs([infer(specs, { ...attrs })].flat());
  if (inferred !== describeSpecs(actual)) wrong.push(`${kernel}: ${describeSpecs(actual)}, but inferred ${inferred}`);
}

const describeSpecs = (specs: readonly TensorSpec[]): string => specs.map(formatSpec).join(" ");

describe("inference agrees with tfjs's cpu backend", () => {
  it.each(kernelCases.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    wrong.length = 0;
    const before = new Set(called);
    called.clear();
    tf.tidy(() => one.build(caseInputs(one).map(toTensor)));
    const ran = [...called];
    for (const kernel of before) called.add(kernel);
    expect(wrong).toEqual([]);
    expect(ran).toEqual(expect.arrayContaining([...one.kernels]));
  });

  it("covers every registered kernel", () => {
    expect([...inferences().keys()].filter((kernel) => !called.has(kernel))).toEqual([]);
  });
});
