import type { GraphNode, TensorSpec, ValueId } from "@latentkit/jit";

/** Nodes that take one node's place, all of them written for the same line. */
export class Chain {
  readonly nodes: GraphNode[] = [];

  /** @param values Gets the new values. */
  constructor(
    private readonly values: TensorSpec[],
    private readonly site: string,
  ) {}

  shapeOf(id: ValueId): readonly number[] {
    return (this.values[id] as TensorSpec).shape;
  }

  /**
   * Adds a node with a float32 result.
   *
   * @param output The value that it computes; a new one when absent.
   * @returns The value.
   */
  add(
    kernel: string,
    inputs: GraphNode["inputs"],
    shape: readonly number[],
    attrs: GraphNode["attrs"] = {},
    output = this.values.push({ shape, dtype: "float32" }) - 1,
  ): ValueId {
    this.nodes.push({ kernel, attrs, inputs, outputs: [output], site: this.site });
    return output;
  }

  transposed(x: ValueId, perm: readonly number[], output?: ValueId): ValueId {
    const shape = this.shapeOf(x);
    const moved = perm.map((axis) => shape[axis] as number);
    return this.add("Transpose", { x }, moved, { perm }, output);
  }

  /** Matrices, or batches of them. */
  product(a: ValueId, b: ValueId, output?: ValueId): ValueId {
    const shape = [...this.shapeOf(a).slice(0, -1), this.shapeOf(b).at(-1) as number];
    return this.add("BatchMatMul", { a, b }, shape, { transposeA: false, transposeB: false }, output);
  }

  reshaped(x: ValueId, shape: readonly number[], output?: ValueId): ValueId {
    return this.add("Reshape", { x }, shape, { shape }, output);
  }

  reversed(x: ValueId, dims: readonly number[]): ValueId {
    return this.add("Reverse", { x }, this.shapeOf(x), { dims });
  }

  /** With so many zeros before and after along each axis. */
  padded(x: ValueId, paddings: readonly (readonly [before: number, after: number])[]): ValueId {
    const shape = this.shapeOf(x).map((size, axis) => {
      const [before, after] = paddings[axis] as readonly [number, number];
      return before + size + after;
    });
    return this.add("PadV2", { x }, shape, { paddings, constantValue: 0 });
  }

  part(x: ValueId, begin: readonly number[], size: readonly number[]): ValueId {
    return this.add("Slice", { x }, size, { begin, size });
  }

  /** @param terms One or more, of one shape. */
  sum(terms: readonly ValueId[]): ValueId {
    return terms.reduce((a, b) => this.add("Add", { a, b }, this.shapeOf(a)));
  }

  /** Equal shapes, one behind the other along an axis. */
  joined(parts: readonly ValueId[], axis: number): ValueId {
    const [first] = parts as [ValueId];
    if (parts.length === 1) return first;
    const shape = this.shapeOf(first).map((size, i) => (i === axis ? size * parts.length : size));
    return this.add("Concat", Object.fromEntries(parts.entries()), shape, { axis });
  }
}
