import "@tensorflow/tfjs-backend-cpu";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import "../gradients/index.js";
import { formatSpec, type TensorSpec } from "../host-tensor.js";
import { toTensor } from "../run-node.js";
import { vectorJacobian } from "../testing/finite-difference.js";
import { caseInputs, type KernelCase, kernelCases } from "../testing/kernel-cases.js";
import "./index.js";
import type { InputSpecs } from "./symbolic.js";
import { inferences } from "./symbolic.js";

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

/** The kernels of the gradient, and of its gradient, must be known too. */
function runGradients(one: KernelCase, inputs: readonly tf.Tensor[]): void {
  const floats = (given: tf.Tensor[]) => [one.build(given)].flat().filter(({ dtype }) => dtype === "float32");
  const all = inputs.flatMap(({ dtype }, i) => (dtype === "float32" ? [i] : []));
  const wrt = one.differentiable === true ? all : one.differentiable || [];
  if (wrt.length === 0) return;
  const gradient = vectorJacobian(floats, inputs.length, wrt);
  const given = [...inputs, ...floats([...inputs]).map((y) => tf.onesLike(y))];
  const first = gradient(given);
  if (one.secondOrder) vectorJacobian(gradient, given.length, wrt)([...given, ...first]);
}

const describeSpecs = (specs: readonly TensorSpec[]): string => specs.map(formatSpec).join(" ");

describe("inference agrees with tfjs's cpu backend", () => {
  it.each(kernelCases.map((one) => [one.name, one] as const))("%s", (_name, one) => {
    wrong.length = 0;
    const before = new Set(called);
    called.clear();
    const inputs = tf.tidy(() => caseInputs(one).map((value) => tf.keep(toTensor(value))));
    tf.tidy(() => one.build(inputs));
    const ran = [...called];
    tf.tidy(() => runGradients(one, inputs));
    tf.dispose(inputs);
    for (const kernel of before) called.add(kernel);
    expect(wrong).toEqual([]);
    expect(ran).toEqual(expect.arrayContaining([...one.kernels]));
  });

  it("does not know tfjs's own random kernels: randomness comes from keys", () => {
    expect([...inferences().keys()]).not.toContain("Multinomial");
  });

  it("covers every registered kernel", () => {
    expect([...inferences().keys()].filter((kernel) => !called.has(kernel))).toEqual([]);
  });
});
