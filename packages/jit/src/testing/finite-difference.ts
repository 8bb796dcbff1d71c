import "@tensorflow/tfjs-backend-cpu";
import { add, engine, mul, type Scalar, sum, type Tensor, tidy, zerosLike } from "@tensorflow/tfjs-core";
import { type HostTensor, hostTensor, sizeOf } from "../host-tensor.js";
import { onCpu, toHost, toTensor } from "../run-node.js";

/** A function of tensors to be checked; outputs that are not float32 are left out. */
export type TensorFunction = (inputs: Tensor[]) => Tensor | Tensor[];

/** Runs a function of tensors on host values: on tfjs's cpu backend, or compiled by an engine. */
export type Evaluate = (
  f: (inputs: Tensor[]) => Tensor[],
  inputs: readonly HostTensor[],
) => Promise<readonly HostTensor[]>;

export interface GradientCheck {
  /** 1: the gradient; 2: the gradient of the gradient, in the inputs and in the incoming gradient. Default 1. */
  readonly order?: 1 | 2;
  /** Positions of the inputs to differentiate; default all of dtype float32. */
  readonly wrt?: readonly number[];
  /** Allowed error relative to the gradient's length along the direction. Default 2e-3. */
  readonly tolerance?: number;
  /** Distance of the sample points; kinks must be further away than twice this. Default 1/128. */
  readonly step?: number;
  /** Number of random directions. Default 2. */
  readonly directions?: number;
  /** Where to run; default tfjs's cpu backend. */
  readonly evaluate?: Evaluate;
}

/** Runs on tfjs's cpu backend. */
const evaluateOnCpu: Evaluate = async (f, inputs) =>
  onCpu(() => {
    let results: HostTensor[] = [];
    tidy(() => {
      results = f(inputs.map(toTensor)).map(toHost);
    });
    return results;
  });

/**
 * Compares the gradient of `f` with differences of its values, along random directions. Five-point central differences: their error is of order
 * step^4, so a step that is large for float32 serves. Sums are in double precision on the host.
 *
 * @throws Error when they differ, with both numbers.
 */
export async function checkGradient(
  f: TensorFunction,
  inputs: readonly HostTensor[],
  options: GradientCheck = {},
): Promise<void> {
  const { order = 1, tolerance = 2e-3, step = 2 ** -7, directions = 2, evaluate = evaluateOnCpu } = options;
  const wrt = options.wrt ?? inputs.flatMap(({ dtype }, i) => (dtype === "float32" ? [i] : []));
  const values = floats(f);
  const outputs = await evaluate(values, inputs);
  const cotangents = outputs.map((output, i) => randomLike(output, 100 + i));
  const gradient = vectorJacobian(values, inputs.length, wrt);
  const all = [...inputs, ...cotangents];
  if (order === 2) {
    const second = [...wrt, ...cotangents.map((_, i) => inputs.length + i)];
    return checkGradient(gradient, all, { wrt: second, tolerance, step, directions, evaluate });
  }
  const gradients = await evaluate(gradient, all);
  for (let seed = 0; seed < directions; seed++) {
    const ds = wrt.map((i, j) => randomLike(inputs[i] as HostTensor, 1000 * seed + 7 * j + 1));
    const moved = (h: number) =>
      inputs.map((x, i) => (wrt.includes(i) ? shift(x, ds[wrt.indexOf(i)] as HostTensor, h) : x));
    const at = async (h: number) => dot(cotangents, await evaluate(values, moved(h)));
    const [far, near] = [(await at(2 * step)) - (await at(-2 * step)), (await at(step)) - (await at(-step))];
    compare((8 * near - far) / (12 * step), gradients, ds, tolerance, (2 ** -21 * norm(cotangents, outputs)) / step);
  }
}

function floats(f: TensorFunction): (inputs: Tensor[]) => Tensor[] {
  return (inputs) => [f(inputs)].flat().filter(({ dtype }) => dtype === "float32");
}

/** (x…, dy…) to the gradients of `sum(f(x) * dy)` with respect to the inputs `wrt`; 0 for those that `f` does not depend on. */
export function vectorJacobian(
  f: (inputs: Tensor[]) => Tensor[],
  arity: number,
  wrt: readonly number[],
): (inputs: Tensor[]) => Tensor[] {
  return (all) => {
    const dys = all.slice(arity);
    const xs = wrt.map((i) => all[i] as Tensor);
    const loss = () =>
      f(all.slice(0, arity))
        .map((y, i) => sum(mul(y, dys[i] as Tensor)))
        .reduce((a, b) => add(a, b)) as Scalar;
    const { grads } = engine().gradients(loss, xs, undefined, true);
    return xs.map((x, i) => grads[i] ?? zerosLike(x));
  };
}

function compare(
  numeric: number,
  gradients: readonly HostTensor[],
  ds: readonly HostTensor[],
  tolerance: number,
  rounding: number,
): void {
  const analytic = dot(gradients, ds);
  const allowed = tolerance * (norm(gradients, ds) + Math.abs(numeric)) + rounding;
  if (Math.abs(numeric - analytic) <= allowed) return;
  throw new Error(
    `the gradient along a random direction is ${analytic}, differences of values give ${numeric} (allowed error ${allowed})`,
  );
}

function terms(a: readonly HostTensor[], b: readonly HostTensor[]): number[] {
  return a.flatMap(({ data }, i) => Array.from(data, (value, k) => value * ((b[i] as HostTensor).data[k] as number)));
}

const dot = (a: readonly HostTensor[], b: readonly HostTensor[]): number => terms(a, b).reduce((s, t) => s + t, 0);

const norm = (a: readonly HostTensor[], b: readonly HostTensor[]): number => Math.hypot(...terms(a, b));

function shift(x: HostTensor, direction: HostTensor, h: number): HostTensor {
  return hostTensor(
    Float32Array.from(x.data, (value, i) => value + h * (direction.data[i] as number)),
    x.shape,
  );
}

/** Values of either sign with absolute value between 0.5 and 1. */
function randomLike({ shape }: HostTensor, seed: number): HostTensor {
  let word = (seed * 2654435761 + 12345) >>> 0;
  const next = () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    return word / 2 ** 32;
  };
  return hostTensor(
    Float32Array.from({ length: sizeOf(shape) }, () => (next() < 0.5 ? -1 : 1) * (0.5 + next() / 2)),
    shape,
  );
}
