import {
  broadcastShape,
  concatShape,
  type ElementArrays,
  type ElementwiseKernel,
  elementsOf,
  gatheredShape,
  type KernelBuilder,
  paddedShape,
  range,
  reducedShape,
  SharedConstants,
  SMALL_CONSTANT,
  sameShape,
  splitShapes,
  typeAfter,
} from "@latentkit/jit/lowering";
import {
  DATA_TYPES,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxType,
  type OnnxValue,
} from "../proto.js";

type Attributes = Readonly<Record<string, OnnxAttribute | undefined>>;
type Data = ElementArrays[OnnxType];

interface OpOptions {
  readonly attributes?: Attributes;
  readonly domain?: string;
}

/** onnxruntime's own operators. */
export const MICROSOFT = "com.microsoft";

/** ONNX's operators for element-wise kernels that tfjs-core calls otherwise. */
const OPERATORS: Partial<Record<ElementwiseKernel, string>> = {
  GreaterEqual: "GreaterOrEqual",
  IsNan: "IsNaN",
  LessEqual: "LessOrEqual",
  LogicalAnd: "And",
  LogicalNot: "Not",
  LogicalOr: "Or",
  Maximum: "Max",
  Minimum: "Min",
  Multiply: "Mul",
};

/** Writes an ONNX graph node by node; every value knows its shape and type, so operators that change nothing are left out. */
export class OnnxBuilder implements KernelBuilder<OnnxValue> {
  readonly nodes: OnnxNode[] = [];
  readonly constants = new Map<string, { value: OnnxValue; data: Data }>();
  readonly #shared = new SharedConstants<OnnxValue>();
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
    const data = elementsOf(values, type);
    return this.#shared.of(data, shape, type, () => {
      const value = { name: `c${this.#count++}`, shape: [...shape], type };
      this.constants.set(value.name, { value, data });
      return value;
    });
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
    return this.op(op, [a, b], broadcastShape(a.shape, b.shape), type, options);
  }

  /** The operator of an element-wise kernel. */
  apply(kernel: ElementwiseKernel, x: OnnxValue, y?: OnnxValue): OnnxValue {
    if (kernel === "Square") return this.mul(x, x);
    const [op, type] = [OPERATORS[kernel] ?? kernel, typeAfter(kernel, x.type)];
    return y === undefined ? this.unary(op, x, { type }) : this.binary(op, x, y, type);
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
  #isReluMask(condition: OnnxValue, t: OnnxValue, e: OnnxValue): boolean {
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

  /** `condition ? given : otherwise`, all three broadcast. */
  where(condition: OnnxValue, given: OnnxValue, otherwise: OnnxValue): OnnxValue {
    if (given.type === "bool") return this.#whereBool(condition, given, otherwise);
    if (this.#isReluMask(condition, given, otherwise)) return this.mul(given, this.cast(condition, "float32"));
    const [t, e] = sameShape(condition.shape, given.shape)
      ? [this.#scalarOf(given), this.#scalarOf(otherwise)]
      : [given, otherwise];
    const shape = broadcastShape(condition.shape, broadcastShape(t.shape, e.shape));
    return this.op("Where", [condition, t, e], shape, t.type);
  }

  /** onnxruntime's Where has no bools. */
  #whereBool(condition: OnnxValue, t: OnnxValue, e: OnnxValue): OnnxValue {
    return this.binary("Or", this.binary("And", condition, t), this.binary("And", this.unary("Not", condition), e));
  }

  cast(x: OnnxValue, type: OnnxType): OnnxValue {
    if (x.type === type) return x;
    const data = this.valuesOf(x);
    if (data !== undefined && data.length <= SMALL_CONSTANT && type !== "bool")
      return this.constant(Array.from(data as ArrayLike<number>, Number), x.shape, type);
    return this.op("Cast", [x], x.shape, type, { attributes: { to: DATA_TYPES[type] } });
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

  tile(x: OnnxValue, reps: readonly number[]): OnnxValue {
    const shape = x.shape.map((dim, i) => dim * (reps[i] as number));
    return this.op("Tile", [x, this.ints(reps)], shape, x.type);
  }

  reverse(x: OnnxValue, axes: readonly number[]): OnnxValue {
    const turned = axes.filter((axis) => (x.shape[axis] as number) > 1);
    const starts = turned.map((axis) => (x.shape[axis] as number) - 1);
    const [ends, steps] = [turned.map(() => Number.NEGATIVE_INFINITY), turned.map(() => -1)];
    return turned.length === 0 ? x : this.ranges(x, starts, ends, turned, steps);
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

  slice(x: OnnxValue, begin: readonly number[], size: readonly number[]): OnnxValue {
    const ends = begin.map((start, i) => start + (size[i] as number));
    return this.ranges(x, begin, ends, range(begin.length));
  }

  /** Elements `start, start + step, …` before `end` of every axis in `axes`; as in ONNX, an `end` of -Infinity reaches the first element backwards. */
  ranges(
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
    return this.op("Concat", parts, concatShape(parts, axis), first.type, { attributes: { axis } });
  }

  split(x: OnnxValue, sizes: readonly number[], axis: number): OnnxValue[] {
    if (sizes.length === 1) return [x];
    const specs = splitShapes(x.shape, sizes, axis).map((shape) => ({ shape, type: x.type }));
    return this.multi("Split", [x, this.ints(sizes)], specs, { attributes: { axis } });
  }

  gather(x: OnnxValue, indices: OnnxValue, axis: number): OnnxValue {
    return this.op("Gather", [x, indices], gatheredShape(x.shape, indices.shape, axis), x.type, {
      attributes: { axis },
    });
  }

  /** `Sum`, `Max`, `SumSquare`, … over some axes; none leaves x as it is. */
  reduce(kernel: string, x: OnnxValue, axes: readonly number[], keepDims = false): OnnxValue {
    if (axes.length === 0) return x;
    const shape = reducedShape(x.shape, axes, keepDims);
    const attributes = { keepdims: keepDims ? 1 : 0 };
    return this.op(`Reduce${kernel}`, [x, this.ints(axes)], shape, x.type, { attributes });
  }

  /** Adds `before` and `after` elements along every axis. */
  pad(x: OnnxValue, before: readonly number[], after: readonly number[], value = 0, mode = "constant"): OnnxValue {
    if ([...before, ...after].every((n) => n === 0)) return x;
    const fill = mode === "constant" ? [this.scalar(value, x.type)] : [];
    const inputs = [x, this.ints([...before, ...after]), ...fill];
    return this.op("Pad", inputs, paddedShape(x.shape, before, after), x.type, { attributes: { mode } });
  }

  /** Matrix product over the last two axes, broadcasting the others. */
  matMul(a: OnnxValue, b: OnnxValue): OnnxValue {
    const shape = [
      ...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)),
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
