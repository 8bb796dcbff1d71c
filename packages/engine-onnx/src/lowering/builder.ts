import { sameShape } from "@latentkit/jit/lowering";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxType, OnnxValue } from "../proto.js";

type Attributes = Readonly<Record<string, OnnxAttribute | undefined>>;
type Data = Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array | Uint32Array | BigUint64Array;

interface OpOptions {
  readonly attributes?: Attributes;
  readonly domain?: string;
}

/** Constants up to this many elements are shared when equal. */
const MAX_SHARED = 64;

/** onnxruntime's own operators. */
export const MICROSOFT = "com.microsoft";

/** Writes an ONNX graph node by node; every value knows its shape and type, so operators that change nothing are left out. */
export class OnnxBuilder {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, { value: OnnxValue; data: Data }>();
  readonly #shared = new Map<string, OnnxValue>();
  readonly #producers = new Map<string, OnnxNode>();
  readonly #same = new Map<string, OnnxValue>();
  #count = 0;
  /** Names of the nodes that follow: what onnxruntime's messages will show. */
  label = "";

  /** @param portable Whether to keep to operators of the ONNX standard; onnxruntime has more, which are faster. */
  constructor(readonly portable = false) {}

  /** A new value that no node computes yet. */
  fresh(shape: readonly number[], type: OnnxType): OnnxValue {
    return { name: `t${this.#count++}`, shape, type };
  }

  /** Adds a node with several outputs. */
  multi(
    op: string,
    inputs: readonly (OnnxValue | undefined)[],
    specs: readonly { shape: readonly number[]; type: OnnxType }[],
    { attributes = {}, domain = "" }: OpOptions = {},
  ): OnnxValue[] {
    const outputs = specs.map(({ shape, type }) => this.fresh(shape, type));
    const given = Object.entries(attributes).filter(
      (entry): entry is [string, OnnxAttribute] => entry[1] !== undefined,
    );
    const name = `${this.label} #${this.nodes.length}`;
    const node = { name, op, domain, inputs, outputs, attributes: Object.fromEntries(given) };
    this.nodes.push(node);
    for (const output of outputs) this.#producers.set(output.name, node);
    return outputs;
  }

  /** Adds a node with one output of the given shape and type. */
  op(
    op: string,
    inputs: readonly (OnnxValue | undefined)[],
    shape: readonly number[],
    type: OnnxType,
    options?: OpOptions,
  ): OnnxValue {
    return this.multi(op, inputs, [{ shape, type }], options)[0] as OnnxValue;
  }

  /** Values known when the graph is built. */
  constant(values: ArrayLike<number>, shape: readonly number[], type: OnnxType = "float32"): OnnxValue {
    const data = toData(values, type);
    const key =
      data.length <= MAX_SHARED
        ? `${type}[${shape}]${new Uint8Array(data.buffer, data.byteOffset, data.byteLength)}`
        : undefined;
    const known = key === undefined ? undefined : this.#shared.get(key);
    if (known !== undefined) return known;
    const value = { name: `c${this.#count++}`, shape: [...shape], type };
    this.constants.set(value.name, { value, data });
    if (key !== undefined) this.#shared.set(key, value);
    return value;
  }

  scalar(value: number, type: OnnxType = "float32"): OnnxValue {
    return this.constant([value], [], type);
  }

  /** An int64 vector: how operators take shapes and axes. */
  ints(values: readonly number[]): OnnxValue {
    return this.constant(values, [values.length], "int64");
  }

  /** The elements of a constant, if the value is one. */
  valuesOf(value: OnnxValue): Data | undefined {
    return this.constants.get(value.name)?.data;
  }

  unary(op: string, x: OnnxValue, options?: OpOptions & { type?: OnnxType }): OnnxValue {
    return this.op(op, [x], x.shape, options?.type ?? x.type, options);
  }

  /** An operator of two values that broadcast. */
  binary(op: string, a: OnnxValue, b: OnnxValue, type: OnnxType = a.type, options?: OpOptions): OnnxValue {
    return this.op(op, [a, b], broadcast(a.shape, b.shape), type, options);
  }

  add(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.binary("Add", a, b);
  }

  sub(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.binary("Sub", a, b);
  }

  mul(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.binary("Mul", a, b);
  }

  div(a: OnnxValue, b: OnnxValue): OnnxValue {
    return this.binary("Div", a, b);
  }

  /** `x op value` with a scalar of x's type. */
  by(op: string, x: OnnxValue, value: number): OnnxValue {
    return this.binary(op, x, this.scalar(value, x.type), COMPARISONS.has(op) ? "bool" : x.type);
  }

  /** The scalar behind a value that is the same everywhere. */
  #scalarOf(x: OnnxValue): OnnxValue {
    const node = this.#producers.get(x.name);
    const source = node?.op === "Expand" ? (node.inputs[0] as OnnxValue) : undefined;
    return source !== undefined && source.shape.length === 0 ? source : x;
  }

  /** Whether `condition ? t : e` is a relu's gradient, `y > 0 ? t : 0`: onnxruntime multiplies in a third of the time that its Where takes. */
  isReluMask(condition: OnnxValue, t: OnnxValue, e: OnnxValue): boolean {
    const comparison = this.#producers.get(condition.name);
    const [y, zero] = comparison?.op === "Greater" ? comparison.inputs : [];
    if (y === undefined || zero === undefined || this.#producers.get(y.name)?.op !== "Relu") return false;
    const zeros = [zero, this.#scalarOf(e)].every((x) => this.valuesOf(x)?.every((value) => Number(value) === 0));
    return zeros && sameShape(condition.shape, t.shape) && t.type === "float32";
  }

  /** `x` of a product `x x`. */
  rootOf(square: OnnxValue): OnnxValue | undefined {
    const node = this.#producers.get(square.name);
    return node?.op === "Mul" && node.inputs[0]?.name === node.inputs[1]?.name ? node.inputs[0] : undefined;
  }

  where(condition: OnnxValue, given: OnnxValue, otherwise: OnnxValue): OnnxValue {
    const [t, e] = sameShape(condition.shape, given.shape)
      ? [this.#scalarOf(given), this.#scalarOf(otherwise)]
      : [given, otherwise];
    return this.op("Where", [condition, t, e], broadcast(condition.shape, broadcast(t.shape, e.shape)), t.type);
  }

  cast(x: OnnxValue, type: OnnxType): OnnxValue {
    if (x.type === type) return x;
    const data = this.valuesOf(x);
    if (data !== undefined && data.length <= MAX_SHARED && type !== "bool")
      return this.constant(Array.from(data as ArrayLike<number>, Number), x.shape, type);
    return this.op("Cast", [x], x.shape, type, { attributes: { to: TYPE_CODES[type] } });
  }

  /** The value before it was given another shape: the same elements in memory. */
  unshaped(x: OnnxValue): OnnxValue {
    const node = this.#producers.get(x.name);
    return node?.op === "Reshape" ? (node.inputs[0] as OnnxValue) : x;
  }

  /** Says that two values of the graph hold the same elements, so that reshaping one may give the other. */
  declareSame(x: OnnxValue, other: OnnxValue): void {
    this.#same.set(x.name, other);
  }

  reshape(value: OnnxValue, shape: readonly number[]): OnnxValue {
    if (sameShape(value.shape, shape)) return value;
    const x = this.unshaped(value);
    if (sameShape(x.shape, shape)) return x;
    const other = this.#same.get(x.name);
    if (other !== undefined && sameShape(other.shape, shape)) return other;
    return this.op(
      "Reshape",
      [x, this.ints(shape)],
      shape,
      x.type,
      shape.includes(0) ? { attributes: { allowzero: 1 } } : {},
    );
  }

  transpose(x: OnnxValue, perm: readonly number[]): OnnxValue {
    if (perm.every((axis, i) => axis === i)) return x;
    const shape = perm.map((axis) => x.shape[axis] as number);
    return this.op("Transpose", [x], shape, x.type, { attributes: { perm } });
  }

  expand(x: OnnxValue, shape: readonly number[]): OnnxValue {
    if (sameShape(x.shape, shape)) return x;
    return this.op("Expand", [x, this.ints(shape)], shape, x.type);
  }

  /** `value` everywhere. */
  filled(value: number, shape: readonly number[], type: OnnxType = "float32"): OnnxValue {
    return this.expand(this.scalar(value, type), shape);
  }

  /** `0, 1, …, n - 1` in int64. */
  counting(n: number): OnnxValue {
    return this.op(
      "Range",
      [0, n, 1].map((value) => this.scalar(value, "int64")),
      [n],
      "int64",
    );
  }

  /** Elements `start, start + step, …` before `end` of every axis in `axes`; as in ONNX, an `end` of -Infinity reaches the first element backwards. */
  slice(
    x: OnnxValue,
    starts: readonly number[],
    ends: readonly number[],
    axes: readonly number[],
    steps: readonly number[] = axes.map(() => 1),
  ): OnnxValue {
    const shape = [...x.shape];
    axes.forEach((axis, i) => {
      const [start, step] = [starts[i] as number, steps[i] as number];
      const end = ends[i] === -Infinity ? -1 : (ends[i] as number);
      shape[axis] = Math.max(0, Math.ceil((end - start) / step));
    });
    if (sameShape(shape, x.shape) && steps.every((step) => step === 1)) return x;
    const stops = ends.map((end) => (end === -Infinity ? -(2 ** 31) : end));
    return this.op("Slice", [x, this.ints(starts), this.ints(stops), this.ints(axes), this.ints(steps)], shape, x.type);
  }

  concat(parts: readonly OnnxValue[], axis: number): OnnxValue {
    const [first] = parts as [OnnxValue];
    if (parts.length === 1) return first;
    const shape = first.shape.map((dim, i) =>
      i === axis ? parts.reduce((sum, part) => sum + (part.shape[axis] as number), 0) : dim,
    );
    return this.op("Concat", parts, shape, first.type, { attributes: { axis } });
  }

  split(x: OnnxValue, sizes: readonly number[], axis: number): OnnxValue[] {
    if (sizes.length === 1) return [x];
    const specs = sizes.map((size) => ({ shape: x.shape.map((dim, i) => (i === axis ? size : dim)), type: x.type }));
    return this.multi("Split", [x, this.ints(sizes)], specs, { attributes: { axis } });
  }

  gather(x: OnnxValue, indices: OnnxValue, axis: number): OnnxValue {
    const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
    return this.op("Gather", [x, indices], shape, x.type, { attributes: { axis } });
  }

  /** `ReduceSum`, `ReduceMax`, … over some axes; none leaves x as it is. */
  reduce(op: string, x: OnnxValue, axes: readonly number[], keepDims = false): OnnxValue {
    if (axes.length === 0) return x;
    const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
    const shape = keepDims ? kept : x.shape.filter((_, i) => !axes.includes(i));
    return this.op(op, [x, this.ints(axes)], shape, x.type, { attributes: { keepdims: keepDims ? 1 : 0 } });
  }

  /** Adds `before` and `after` elements along every axis. */
  pad(x: OnnxValue, before: readonly number[], after: readonly number[], mode = "constant", value = 0): OnnxValue {
    if ([...before, ...after].every((n) => n === 0)) return x;
    const shape = x.shape.map((dim, i) => dim + (before[i] as number) + (after[i] as number));
    const fill = mode === "constant" ? this.scalar(value, x.type) : undefined;
    return this.op("Pad", [x, this.ints([...before, ...after]), ...(fill ? [fill] : [])], shape, x.type, {
      attributes: { mode },
    });
  }

  /** Matrix product over the last two axes, broadcasting the others. */
  matMul(a: OnnxValue, b: OnnxValue): OnnxValue {
    const shape = [
      ...broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2)),
      a.shape.at(-2) as number,
      b.shape.at(-1) as number,
    ];
    return this.op("MatMul", [a, b], shape, a.type);
  }

  /** The finished graph. */
  finish(inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): OnnxGraph {
    return { nodes: this.nodes, constants: this.constants, inputs, outputs };
  }
}

const COMPARISONS = new Set(["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"]);

const TYPE_CODES = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9, float64: 11, uint32: 12, uint64: 13 } as const;

/** The shape of `a op b`; the trace has checked that they fit. */
function broadcast(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[i - rank + a.length] ?? 1, b[i - rank + b.length] ?? 1];
    return x === 1 ? y : x;
  });
}

function toData(values: ArrayLike<number>, type: OnnxType): Data {
  switch (type) {
    case "float32":
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case "float64":
      return Float64Array.from(values);
    case "int32":
      return values instanceof Int32Array ? values : Int32Array.from(values);
    case "uint32":
      return Uint32Array.from(values);
    case "int64":
      return BigInt64Array.from(Array.from(values, BigInt));
    case "uint64":
      return BigUint64Array.from(Array.from(values, BigInt));
    default:
      return values instanceof Uint8Array ? values : Uint8Array.from(values);
  }
}
