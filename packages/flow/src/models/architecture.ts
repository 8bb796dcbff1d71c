import type { FlowConfig } from "../config.js";
import type { Transform } from "../transforms/transform.js";

/** Wires transforms for data of a shape, from values on the whole line, `(B, ...shape)`, to noise, `(B, D)`. Nothing else. */
export type Architecture = (config: FlowConfig, shape: readonly number[]) => Transform;

/** Number of values of one datum. */
export const sizeOfShape = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

/** `n` links named `layer0` …, each made from its number. */
export function layers(n: number, make: (layer: number) => Transform): Record<string, Transform> {
  return Object.fromEntries(Array.from({ length: n }, (_, i) => [`layer${i}`, make(i)]));
}
