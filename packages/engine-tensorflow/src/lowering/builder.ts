import {
  broadcastShape,
  concatShape,
  type ElementwiseKernel,
  elementsOf,
  gatheredShape,
  type KernelBuilder,
  paddedShape,
  reducedShape,
  SharedConstants,
  sameShape,
  splitShapes,
  typeAfter,
} from "@latentkit/jit/lowering";
import { DATA_TYPE, dims, type Elements, newTensor, type TfType } from "../native/tensor.js";
import { checked, type Output, type Pointer, type TensorFlow } from "../native/tensorflow.js";

/** A value of the graph that is being written. */
export interface TfValue extends Output {
  readonly shape: readonly number[];
  readonly type: TfType;
}

/** An attribute of an operation. */
export type Attribute =
  | boolean
  | string
  | { readonly type: TfType }
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly shape: readonly number[] };

type Attributes = Readonly<Record<string, Attribute | undefined>>;
type Spec = { readonly shape: readonly number[]; readonly type: TfType };
/** Of an operation; one that is a list fills a list argument. */
type Inputs = readonly (TfValue | readonly TfValue[])[];
type ConstantType = Exclude<TfType, "resource" | "bfloat16">;

/** How products are computed: `bf16` rounds their factors to bfloat16. */
export type Precision = "float32" | "bf16";

/** Which operations become parts of XLA clusters inside a graph that is not compiled as a whole: all but these, or none. */
export type Unclustered = ReadonlySet<string> | "all";

/** TensorFlow's operations for element-wise kernels that tfjs-core calls otherwise. */
const OPERATIONS: Partial<Record<ElementwiseKernel, string>> = { Add: "AddV2", Multiply: "Mul" };

/** Writes a TensorFlow graph operation by operation; every value knows its shape and type, so operations that change nothing are left out. */
export class GraphBuilder implements KernelBuilder<TfValue> {
  readonly graph: Pointer;
  readonly #shared = new SharedConstants<TfValue>();
  readonly #constants = new WeakMap<TfValue, Elements>();
  readonly #sites: string[] = [];
  /** Kernel and line of the operations that follow. */
  label = "";
  /** Keeps the operations that follow apart from those that are equal but for it. */
  again: number | undefined;

  constructor(
    readonly tf: TensorFlow,
    private readonly unclustered: Unclustered = "all",
    readonly precision: Precision = "float32",
    /** Whether XLA compiles the whole graph, so that its own operations may stand in it. */
    readonly compiled = false,
  ) {
    this.graph = tf.TF_NewGraph();
  }

  delete(): void {
    this.tf.TF_DeleteGraph(this.graph);
  }

  /** What each operation was written for: messages name operations `n12_MatMul`. */
  get sites(): readonly string[] {
    return this.#sites;
  }

  /** Adds an operation with several outputs. */
  multi(op: string, inputs: Inputs, specs: readonly Spec[], attributes?: Attributes): TfValue[] {
    const oper = this.operation(op, inputs, attributes);
    return specs.map(({ shape, type }, index) => ({ oper, index, shape, type }));
  }

  /**
   * Adds an operation.
   *
   * @param inputs One that is a list fills a list argument.
   * @param after Operations that must have been executed before.
   */
  operation(op: string, inputs: Inputs, attributes: Attributes = {}, after: readonly Pointer[] = []): Pointer {
    const { tf } = this;
    const description = tf.TF_NewOperation(this.graph, op, `n${this.#sites.length}_${op}`) as Pointer;
    this.#sites.push(this.label);
    for (const input of inputs) {
      if (Array.isArray(input)) tf.TF_AddInputList(description, input, input.length);
      else tf.TF_AddInput(description, input);
    }
    for (const oper of after) tf.TF_AddControlInput(description, oper);
    for (const [name, value] of Object.entries(attributes))
      if (value !== undefined) this.#attribute(description, name, value);
    if (this.again !== undefined) this.#attribute(description, "_latentkit_again", { int: this.again });
    if (this.unclustered !== "all" && !this.unclustered.has(op)) {
      this.#attribute(description, "_XlaCompile", true);
      this.#attribute(description, "_XlaScope", "latentkit");
    }
    return checked(tf, (status) => tf.TF_FinishOperation(description, status)) as Pointer;
  }

  #attribute(op: Pointer, name: string, value: Attribute): void {
    const { tf } = this;
    if (typeof value === "boolean") tf.TF_SetAttrBool(op, name, value ? 1 : 0);
    else if (typeof value === "string") tf.TF_SetAttrString(op, name, value, value.length);
    else if ("type" in value) tf.TF_SetAttrType(op, name, DATA_TYPE[value.type]);
    else if ("int" in value) tf.TF_SetAttrInt(op, name, value.int);
    else if ("float" in value) tf.TF_SetAttrFloat(op, name, value.float);
    else if ("ints" in value) tf.TF_SetAttrIntList(op, name, dims(value.ints), value.ints.length);
    else tf.TF_SetAttrShape(op, name, dims(value.shape), value.shape.length);
  }

  /** Adds an operation with one output of the given shape and type. */
  op(op: string, inputs: Inputs, shape: readonly number[], type: TfType, attributes?: Attributes): TfValue {
    return this.multi(op, inputs, [{ shape, type }], attributes)[0] as TfValue;
  }

  /**
   * The graph as a `TF_Function`, which the caller owns.
   *
   * @param effects Operations that count although no output depends on them; all others are dropped.
   */
  toFunction(
    name: string,
    inputs: readonly TfValue[],
    outputs: readonly TfValue[],
    effects: readonly Pointer[] = [],
  ): Pointer {
    const { tf, graph } = this;
    const operations = BigUint64Array.from(effects.length > 0 ? effects : [0n]);
    const [noNames, noOptions, all] = [null, null, -1];
    return checked(tf, (status) =>
      tf.TF_GraphToFunctionWithControlOutputs(
        graph,
        name,
        0,
        all,
        null,
        inputs.length,
        inputs,
        outputs.length,
        outputs,
        noNames,
        effects.length,
        operations,
        noNames,
        noOptions,
        null,
        status,
      ),
    );
  }

  /** An argument of the function that the graph becomes. */
  argument(shape: readonly number[], type: TfType): TfValue {
    const known = type === "resource" ? [] : shape;
    return { ...this.op("Placeholder", [], known, type, { dtype: { type }, shape: { shape: known } }), shape };
  }

  /** Values known when the graph is built. */
  constant(values: ArrayLike<number>, shape: readonly number[], type: ConstantType = "float32"): TfValue {
    const data = elementsOf(values, type);
    return this.#shared.of(data, shape, type, () => this.#constant(data, shape, type));
  }

  #constant(data: Elements, shape: readonly number[], type: ConstantType): TfValue {
    const { tf } = this;
    const description = tf.TF_NewOperation(this.graph, "Const", `n${this.#sites.length}_Const`) as Pointer;
    this.#sites.push(this.label);
    const tensor = newTensor(tf, type, shape, data);
    try {
      checked(tf, (status) => tf.TF_SetAttrTensor(description, "value", tensor, status));
    } finally {
      tf.TF_DeleteTensor(tensor);
    }
    tf.TF_SetAttrType(description, "dtype", DATA_TYPE[type]);
    const oper = checked(tf, (status) => tf.TF_FinishOperation(description, status)) as Pointer;
    const value = { oper, index: 0, shape: [...shape], type };
    this.#constants.set(value, data);
    return value;
  }

  scalar(value: number, type: ConstantType = "float32"): TfValue {
    return this.constant([value], [], type);
  }

  /** An int32 vector: how operations take shapes and axes. */
  ints(values: readonly number[]): TfValue {
    return this.constant(values, [values.length], "int32");
  }

  /** The elements of a constant, if the value is one. */
  valuesOf(value: TfValue): Elements | undefined {
    return this.#constants.get(value);
  }

  /** One value repeated. */
  filled(value: number, shape: readonly number[], type: ConstantType = "float32"): TfValue {
    const one = this.scalar(value, type);
    return shape.length === 0 ? one : this.op("Fill", [this.ints(shape), one], shape, type);
  }

  unary(op: string, x: TfValue, attributes?: Attributes): TfValue {
    return this.op(op, [x], x.shape, x.type, attributes);
  }

  /** An operation of two values that broadcast. */
  binary(op: string, a: TfValue, b: TfValue, type: TfType = a.type): TfValue {
    return this.op(op, [a, b], broadcastShape(a.shape, b.shape), type);
  }

  /** The operation of an element-wise kernel. */
  apply(kernel: ElementwiseKernel, x: TfValue, y?: TfValue): TfValue {
    const [op, type] = [OPERATIONS[kernel] ?? kernel, typeAfter(kernel, x.type)];
    return y === undefined ? this.op(op, [x], x.shape, type) : this.binary(op, x, y, type);
  }

  /** `x op value` with a scalar of x's type. */
  by(op: string, x: TfValue, value: number, type: TfType = COMPARISONS.has(op) ? "bool" : x.type): TfValue {
    return this.binary(op, x, this.scalar(value, x.type as ConstantType), type);
  }

  add(a: TfValue, b: TfValue): TfValue {
    return this.binary("AddV2", a, b);
  }

  sub(a: TfValue, b: TfValue): TfValue {
    return this.binary("Sub", a, b);
  }

  mul(a: TfValue, b: TfValue): TfValue {
    return this.binary("Mul", a, b);
  }

  div(a: TfValue, b: TfValue): TfValue {
    return this.binary("RealDiv", a, b);
  }

  /** `condition ? t : e`, all three broadcast. */
  where(condition: TfValue, t: TfValue, e: TfValue): TfValue {
    const shape = broadcastShape(broadcastShape(condition.shape, t.shape), e.shape);
    return this.op("SelectV2", [condition, t, e], shape, t.type);
  }

  cast(x: TfValue, type: TfType): TfValue {
    return x.type === type ? x : this.op("Cast", [x], x.shape, type, { DstT: { type } });
  }

  reshape(x: TfValue, shape: readonly number[]): TfValue {
    return sameShape(x.shape, shape) ? x : this.op("Reshape", [x, this.ints(shape)], shape, x.type);
  }

  transpose(x: TfValue, perm: readonly number[]): TfValue {
    if (perm.every((axis, i) => axis === i)) return x;
    const shape = perm.map((axis) => x.shape[axis] as number);
    const moved = perm.filter((axis) => x.shape[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > (moved[i - 1] as number))) return this.reshape(x, shape);
    return this.op("Transpose", [x, this.ints(perm)], shape, x.type);
  }

  /** A reduction; the reduced axes are kept with size 1 when asked. */
  reduce(op: string, x: TfValue, axes: readonly number[], keepDims = false): TfValue {
    if (axes.length === 0) return x;
    return this.op(op, [x, this.ints(axes)], reducedShape(x.shape, axes, keepDims), x.type, { keep_dims: keepDims });
  }

  /** Cuts `sizes` elements from `begin` along every axis. */
  slice(x: TfValue, begin: readonly number[], sizes: readonly number[]): TfValue {
    if (`${sizes}` === `${x.shape}`) return x;
    return this.op("Slice", [x, this.ints(begin), this.ints(sizes)], sizes, x.type);
  }

  /** Every `strides[i]`-th element from `begin` up to, not including, `end`. */
  strided(x: TfValue, begin: readonly number[], end: readonly number[], strides: readonly number[]): TfValue {
    const shape = begin.map((from, i) => Math.max(0, Math.ceil(((end[i] as number) - from) / (strides[i] as number))));
    return this.op("StridedSlice", [x, this.ints(begin), this.ints(end), this.ints(strides)], shape, x.type);
  }

  concat(parts: readonly TfValue[], axis: number): TfValue {
    const [first] = parts as [TfValue];
    if (parts.length === 1) return first;
    return this.op("ConcatV2", [parts, this.scalar(axis, "int32")], concatShape(parts, axis), first.type);
  }

  split(x: TfValue, sizes: readonly number[], axis: number): TfValue[] {
    const specs = splitShapes(x.shape, sizes, axis).map((shape) => ({ shape, type: x.type }));
    const inputs = [x, this.ints(sizes), this.scalar(axis, "int32")];
    return this.multi("SplitV", inputs, specs, { num_split: { int: sizes.length } });
  }

  tile(x: TfValue, reps: readonly number[]): TfValue {
    const shape = x.shape.map((dim, i) => dim * (reps[i] as number));
    return this.op("Tile", [x, this.ints(reps)], shape, x.type);
  }

  reverse(x: TfValue, axes: readonly number[]): TfValue {
    const turned = axes.filter((axis) => (x.shape[axis] as number) > 1);
    return turned.length === 0 ? x : this.op("ReverseV2", [x, this.ints(turned)], x.shape, x.type);
  }

  pad(x: TfValue, before: readonly number[], after: readonly number[], value = 0): TfValue {
    if ([...before, ...after].every((n) => n === 0)) return x;
    const amounts = this.constant(
      before.flatMap((n, i) => [n, after[i] as number]),
      [before.length, 2],
      "int32",
    );
    const fill = this.scalar(value, x.type as ConstantType);
    return this.op("PadV2", [x, amounts, fill], paddedShape(x.shape, before, after), x.type);
  }

  gather(x: TfValue, indices: TfValue, axis: number, batchDims = 0): TfValue {
    const shape = gatheredShape(x.shape, indices.shape, axis, batchDims);
    const attributes = { batch_dims: { int: batchDims } };
    return this.op("GatherV2", [x, indices, this.scalar(axis, "int32")], shape, x.type, attributes);
  }

  expand(x: TfValue, shape: readonly number[]): TfValue {
    return sameShape(x.shape, shape) ? x : this.op("BroadcastTo", [x, this.ints(shape)], shape, x.type);
  }

  /** Product of matrices with either transposed; leading axes broadcast. In bf16 its factors are rounded. */
  matMul(a: TfValue, b: TfValue, transposeA = false, transposeB = false): TfValue {
    const [rows, columns] = [a.shape.at(transposeA ? -1 : -2) as number, b.shape.at(transposeB ? -2 : -1) as number];
    const [left, right] = [this.rounded(a), this.rounded(b)];
    if (a.shape.length === 2 && b.shape.length === 2) {
      const attributes = { transpose_a: transposeA, transpose_b: transposeB };
      return this.cast(this.op("MatMul", [left, right], [rows, columns], left.type, attributes), a.type);
    }
    const shape = [...broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), rows, columns];
    const attributes = { adj_x: transposeA, adj_y: transposeB };
    return this.cast(this.op("BatchMatMulV2", [left, right], shape, left.type, attributes), a.type);
  }

  /** A factor of a product in the precision of products. */
  rounded(x: TfValue): TfValue {
    return this.precision === "bf16" && x.type === "float32" ? this.cast(x, "bfloat16") : x;
  }
}

const COMPARISONS = new Set(["Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual"]);
