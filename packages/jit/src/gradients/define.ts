import { getGradient, registerGradient, type Tensor, unregisterGradient } from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";

/** Gradients by input name; each is computed only when it is asked for. */
export type InputGradients = Record<string, () => Tensor>;

/** Replaces whatever gradient tfjs-core has for the kernel, without its warning. */
function replace(config: Parameters<typeof registerGradient>[0]): void {
  if (getGradient(config.kernelName) !== undefined) unregisterGradient(config.kernelName);
  registerGradient(config);
}

/**
 * Defines the gradient of a kernel from its inputs alone. Outputs are recomputed rather than saved: tfjs-core's tape does not connect a saved
 * output with its inputs, so a gradient that uses one is silently wrong to second order. A recomputed forward value costs nothing when traced,
 * where common subexpressions are merged.
 *
 * @param inputs Names of the inputs that `gradient` needs; absent optional ones are left out.
 */
export function defineGradient<I extends string>(
  kernelName: string,
  inputs: readonly I[],
  gradient: (dy: Tensor, inputs: Record<I, Tensor>, attrs: Attrs) => InputGradients,
): void {
  replace({
    kernelName,
    inputsToSave: inputs as I[],
    gradFunc: (dy, saved, attrs) => {
      const byName = Object.fromEntries(inputs.map((name, i) => [name, (saved as Tensor[])[i]])) as Record<I, Tensor>;
      return gradient(dy as Tensor, byName, attrs as Attrs);
    },
  });
}

/** Defines the gradient of a kernel with a list of inputs, named "0", "1", … */
export function defineListGradient(
  kernelName: string,
  gradient: (dy: Tensor, inputs: readonly Tensor[], attrs: Attrs) => InputGradients,
): void {
  replace({
    kernelName,
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) => gradient(dy as Tensor, saved as Tensor[], attrs as Attrs),
  });
}

/**
 * Defines a gradient that also uses outputs, for kernels where they do not carry gradients themselves (the positions of a maximum).
 *
 * @param outputs Which outputs to save.
 */
export function defineGradientWithOutputs(
  kernelName: string,
  inputs: readonly string[],
  outputs: readonly boolean[],
  gradient: (dys: readonly Tensor[], saved: readonly Tensor[], attrs: Attrs) => InputGradients,
): void {
  replace({
    kernelName,
    inputsToSave: [...inputs],
    outputsToSave: [...outputs],
    gradFunc: (dy, saved, attrs) => gradient(Array.isArray(dy) ? dy : [dy], saved as Tensor[], attrs as Attrs),
  });
}

/**
 * Names of inputs of which the last may be absent: tfjs-core saves `names.map((name) => inputs[name])`, and this map leaves out what is not there.
 */
export function presentOnly<I extends string>(names: readonly I[]): readonly I[] {
  const list = [...names];
  const map = (read: (name: I, i: number, all: I[]) => unknown) =>
    Array.from(list, (name, i) => read(name, i, list)).filter((value) => value != null);
  return Object.defineProperty(list, "map", { value: map });
}
