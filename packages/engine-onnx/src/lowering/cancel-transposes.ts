import { inversePermutation } from "@latentkit/jit/lowering";
import type { OnnxGraph, OnnxNode, OnnxValue } from "../proto.js";

/** Operators that treat every element alike: a transpose may come after them instead of before. */
const ELEMENTWISE = new Set([
  ...[
    "Abs",
    "Add",
    "And",
    "Cast",
    "Clip",
    "Cos",
    "Div",
    "Elu",
    "Equal",
    "Erf",
    "Exp",
    "Gelu",
    "Greater",
    "GreaterOrEqual",
  ],
  ...[
    "IsNaN",
    "LeakyRelu",
    "Less",
    "LessOrEqual",
    "Log",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Pow",
    "QuickGelu",
    "Reciprocal",
  ],
  ...["Relu", "Sigmoid", "Sign", "Sin", "Sqrt", "Sub", "Tanh", "Where"],
]);

const REDUCTIONS = new Set(["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceSumSquare"]);

/** A value known to be `transpose(source, perm)`. */
interface Turned {
  readonly source: OnnxValue;
  readonly perm: readonly number[];
}

/**
 * Removes transposes between neighbours. Convolutions want channels first and everything around them channels last; a transpose is moved behind
 * element-wise operators, reductions and concatenations until it meets the next one, and the two become one or none.
 */
export function cancelTransposes(graph: OnnxGraph): OnnxGraph {
  const pass = new Pass(graph);
  for (const node of graph.nodes) pass.visit(node);
  return { ...graph, nodes: pass.nodes, constants: pass.constants, outputs: graph.outputs };
}

class Pass {
  readonly nodes: OnnxNode[] = [];
  readonly constants: Map<string, { value: OnnxValue; data: ArrayBufferView }>;
  readonly #turned = new Map<string, Turned>();
  readonly #replaced = new Map<string, OnnxValue>();
  readonly #transposes = new Map<string, OnnxValue>();
  readonly #results: ReadonlySet<string>;
  #count = 0;

  constructor(graph: OnnxGraph) {
    this.constants = new Map(graph.constants);
    this.#results = new Set(graph.outputs.map(({ name }) => name));
  }

  visit(original: OnnxNode): void {
    const node = { ...original, inputs: original.inputs.map((x) => x && (this.#replaced.get(x.name) ?? x)) };
    if (node.op === "Transpose") this.#transpose(node);
    else if (ELEMENTWISE.has(node.op) && this.#sinkElementwise(node)) return;
    else if (REDUCTIONS.has(node.op) && this.#sinkReduction(node)) return;
    else if (node.op === "Concat" && this.#sinkConcat(node)) return;
    else this.nodes.push(node);
  }

  #transpose(node: OnnxNode): void {
    const [x] = node.inputs as [OnnxValue];
    const [out] = node.outputs as [OnnxValue];
    const before = this.#turned.get(x.name);
    const own = node.attributes.perm as readonly number[];
    const source = before?.source ?? x;
    const perm = before === undefined ? own : own.map((axis) => before.perm[axis] as number);
    if (perm.every((axis, i) => axis === i)) this.#alias(out, source);
    else this.#emitTranspose(source, perm, out);
  }

  /** `out` is `x`: later uses take x itself, and a result of the program a copy. */
  #alias(out: OnnxValue, x: OnnxValue): void {
    if (this.#results.has(out.name))
      this.nodes.push({
        name: `copy #${this.nodes.length}`,
        op: "Identity",
        domain: "",
        inputs: [x],
        outputs: [out],
        attributes: {},
      });
    else this.#replaced.set(out.name, x);
  }

  #emitTranspose(source: OnnxValue, perm: readonly number[], out: OnnxValue): void {
    const key = `${source.name} ${perm}`;
    const known = this.#transposes.get(key);
    if (known !== undefined && !this.#results.has(out.name)) {
      this.#replaced.set(out.name, known);
      return;
    }
    this.#transposes.set(key, out);
    this.#turned.set(out.name, { source, perm });
    this.nodes.push({
      name: `transpose #${this.nodes.length}`,
      op: "Transpose",
      domain: "",
      inputs: [source],
      outputs: [out],
      attributes: { perm },
    });
  }

  /** `op(transpose(x))` becomes `transpose(op(x))` when the other inputs can be turned back at no cost. */
  #sinkElementwise(node: OnnxNode): boolean {
    const [out] = node.outputs as [OnnxValue];
    const perm = node.inputs
      .map((x) => x && this.#turned.get(x.name)?.perm)
      .find((p) => p?.length === out.shape.length);
    if (perm === undefined) return false;
    const inputs = node.inputs.map((x) => x && this.#turnedBack(x, perm));
    if (inputs.some((x, i) => x === undefined && node.inputs[i] !== undefined)) return false;
    const shape = inversePermutation(perm).map((axis) => out.shape[axis] as number);
    const inner = this.#fresh(shape, out.type);
    this.nodes.push({ ...node, inputs: inputs.map((x) => x as OnnxValue), outputs: [inner] });
    this.#emitTranspose(inner, perm, out);
    return true;
  }

  /** The value v with `transpose(v, perm) = x`, if there is one for free. */
  #turnedBack(x: OnnxValue, perm: readonly number[]): OnnxValue | undefined {
    const turned = this.#turned.get(x.name);
    if (turned !== undefined && `${turned.perm}` === `${perm}`) return turned.source;
    const wide = x.shape.filter((dim) => dim !== 1).length;
    if (wide === 0 && x.shape.length <= 1) return x;
    if (wide > 1) return undefined;
    const padded = [...new Array<number>(perm.length - x.shape.length).fill(1), ...x.shape];
    const shape = inversePermutation(perm).map((axis) => padded[axis] as number);
    return this.#reshape(x, shape);
  }

  /** Axes and the order of what remains must fit: with the axes kept they do, without when at most one is left. */
  #sinkReduction(node: OnnxNode): boolean {
    const [x, axes] = node.inputs as [OnnxValue, OnnxValue];
    const [out] = node.outputs as [OnnxValue];
    const turned = this.#turned.get(x.name);
    const values = this.constants.get(axes.name)?.data as BigInt64Array | undefined;
    if (turned === undefined || values === undefined) return false;
    const keep = node.attributes.keepdims === 1;
    const inner = [...values].map((axis) => turned.perm[Number(axis)] as number).sort((a, b) => a - b);
    if (!keep && turned.perm.length - inner.length > 1) return false;
    const inputs = [turned.source, this.#ints(inner)];
    if (!keep) {
      this.nodes.push({ ...node, inputs });
      return true;
    }
    const shape = turned.source.shape.map((dim, i) => (inner.includes(i) ? 1 : dim));
    const reduced = this.#fresh(shape, out.type);
    this.nodes.push({ ...node, inputs, outputs: [reduced] });
    this.#emitTranspose(reduced, turned.perm, out);
    return true;
  }

  #sinkConcat(node: OnnxNode): boolean {
    const [out] = node.outputs as [OnnxValue];
    const parts = node.inputs.map((x) => this.#turned.get((x as OnnxValue).name));
    const perm = parts[0]?.perm;
    if (perm === undefined || parts.some((part) => `${part?.perm}` !== `${perm}`)) return false;
    const shape = inversePermutation(perm).map((axis) => out.shape[axis] as number);
    const joined = this.#fresh(shape, out.type);
    const axis = perm[node.attributes.axis as number] as number;
    this.nodes.push({
      ...node,
      inputs: parts.map((part) => part?.source as OnnxValue),
      outputs: [joined],
      attributes: { axis },
    });
    this.#emitTranspose(joined, perm, out);
    return true;
  }

  #reshape(x: OnnxValue, shape: readonly number[]): OnnxValue {
    const out = this.#fresh(shape, x.type);
    const inputs = [x, this.#ints(shape)];
    this.nodes.push({
      name: `reshape #${this.nodes.length}`,
      op: "Reshape",
      domain: "",
      inputs,
      outputs: [out],
      attributes: {},
    });
    return out;
  }

  #ints(values: readonly number[]): OnnxValue {
    const value: OnnxValue = { name: `layout.${this.#count++}`, shape: [values.length], type: "int64" };
    this.constants.set(value.name, { value, data: BigInt64Array.from(values, BigInt) });
    return value;
  }

  #fresh(shape: readonly number[], type: OnnxValue["type"]): OnnxValue {
    return { name: `layout.${this.#count++}`, shape, type };
  }
}
