import { evalShape, flatten, formatSpec, sameSpec, type TensorSpec, type Tree, UserError } from "@latentkit/jit";
import type { Split } from "./data.js";
import type { GenerativeModel } from "./model.js";

/** Shapes of everything a model owns, in the structure that its functions expect. */
export interface ModelSpecs {
  readonly params: Tree<TensorSpec>;
  readonly state: Tree<TensorSpec>;
}

/** Shapes of a batch of a split. */
export function batchSpecs(split: Split, batchSize: number): Record<string, TensorSpec> {
  return Object.fromEntries(
    Object.entries(split.fields).map(([name, { shape, dtype }]) => [name, { shape: [batchSize, ...shape], dtype }]),
  );
}

/** Shapes of a model's parameters and state, found by tracing `init`; nothing is computed. @throws TraceError when `init` cannot be traced. */
export function modelSpecs(model: GenerativeModel, split: Split, batchSize: number): ModelSpecs {
  const specs = evalShape((batch, key) => model.init(key, batch) as never, batchSpecs(split, batchSize));
  return specs as unknown as ModelSpecs;
}

/** Number of trained values. */
export function parameterCount(specs: ModelSpecs): number {
  return flatten<TensorSpec>(specs.params).reduce((sum, [, { shape }]) => sum + shape.reduce((a, b) => a * b, 1), 0);
}

/**
 * Refuses stored tensors that do not fit the model.
 *
 * @throws UserError naming the first path that is missing, unknown or of another shape.
 */
export function checkTensors(expected: Tree<TensorSpec>, found: ReadonlyMap<string, TensorSpec>, what: string): void {
  const known = new Map(flatten<TensorSpec>(expected));
  for (const [path, spec] of known) {
    const given = found.get(path);
    if (given === undefined)
      throw new UserError("@latentkit/core", `${what} lacks ${path}; it was made by another model or configuration`);
    if (!sameSpec(spec, given)) {
      throw new UserError(
        "@latentkit/core",
        `${what}: ${path} is ${formatSpec(given)}, the model needs ${formatSpec(spec)}`,
      );
    }
  }
  for (const path of found.keys()) {
    if (!known.has(path))
      throw new UserError("@latentkit/core", `${what} holds ${path}, which the model does not know`);
  }
}
