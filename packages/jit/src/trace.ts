import {
  type backend_util,
  type DataId,
  DataStorage,
  engine,
  KernelBackend,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  registerBackend,
  registerKernel,
  Tensor,
  type TensorInfo,
} from "@tensorflow/tfjs-core";
import { TraceError } from "./errors.js";
import type { Graph, GraphNode, ValueId } from "./graph.js";
import { allocate, type DType, type DTypeArrays, sameSpec, sizeOf, type TensorSpec } from "./host-tensor.js";
import { type Infer, inferences } from "./kernels/symbolic.js";
import { siteIn, stackFrames, userSite } from "./site.js";

const BACKEND = "latentkit";

/** What is written down while a function runs on symbolic tensors. */
export class Recorder {
  readonly values: TensorSpec[] = [];
  readonly constants = new Map<ValueId, DTypeArrays[DType]>();
  readonly nodes: GraphNode[] = [];
  readonly #ids = new WeakMap<DataId, ValueId>();
  readonly #captured = new WeakMap<DataId, ValueId>();

  add(spec: TensorSpec): ValueId {
    return this.values.push({ shape: [...spec.shape], dtype: spec.dtype }) - 1;
  }

  /** A new handle for a value: several handles may stand for one value, which is how aliases vanish. */
  handle(value: ValueId): TensorInfo {
    const dataId = {};
    this.#ids.set(dataId, value);
    const { shape, dtype } = this.values[value] as TensorSpec;
    return { dataId, shape: [...shape], dtype };
  }

  constant(data: DTypeArrays[DType], spec: TensorSpec): ValueId {
    const value = this.add(spec);
    this.constants.set(value, data);
    return value;
  }

  bind(dataId: DataId, value: ValueId): void {
    this.#ids.set(dataId, value);
  }

  /** The value behind a tensor; an eager tensor of another backend becomes a constant. */
  valueOf(tensor: TensorInfo): ValueId {
    const known = this.#ids.get(tensor.dataId) ?? this.#captured.get(tensor.dataId);
    if (known !== undefined) return known;
    const info = engine().state.tensorInfo.get(tensor.dataId);
    if (info === undefined || info.backend instanceof TraceBackend) {
      throw new TraceError(
        `a tensor of shape [${tensor.shape}] belongs to another trace: pass it as an input or a state, at ${userSite()}`,
      );
    }
    const spec = { shape: tensor.shape, dtype: checkDType(tensor.dtype) };
    const value = this.constant(toTyped(info.backend.readSync(tensor.dataId), spec), spec);
    this.#captured.set(tensor.dataId, value);
    return value;
  }

  record(kernel: string, inputs: NamedTensorInfoMap, attrs: NamedAttrMap, infer: Infer): TensorInfo | TensorInfo[] {
    // tfjs-core's tape reads the same object after the kernel and fails on inputs that are named but absent.
    for (const name of Object.keys(inputs)) if (inputs[name] == null) delete inputs[name];
    const present = Object.entries(inputs) as [string, TensorInfo][];
    const ids = Object.fromEntries(present.map(([name, tensor]) => [name, this.valueOf(tensor)]));
    const specs = Object.fromEntries(
      present.map(([name, t]) => [name, { shape: t.shape, dtype: checkDType(t.dtype) }]),
    );
    const inferred = infer(specs, attrs);
    const alias = aliasOf(kernel, specs, inferred);
    if (alias !== undefined) return this.handle(ids[alias] as ValueId);
    const outputs = (Array.isArray(inferred) ? inferred : [inferred as TensorSpec]).map((spec) => this.add(spec));
    this.nodes.push({ kernel, attrs: { ...attrs }, inputs: ids, outputs, site: userSite() });
    const handles = outputs.map((value) => this.handle(value));
    return Array.isArray(inferred) ? handles : (handles[0] as TensorInfo);
  }
}

/** The input that a kernel passes through unchanged, if it does. */
function aliasOf(kernel: string, specs: Record<string, TensorSpec>, out: ReturnType<Infer>): string | undefined {
  if (kernel === "Identity") return "x";
  const mayAlias = kernel === "Cast" || kernel === "Reshape" || kernel === "ExpandDims" || kernel === "BroadcastTo";
  return mayAlias && sameSpec(specs.x ?? (specs.input as TensorSpec), out as TensorSpec) && specs.x ? "x" : undefined;
}

function checkDType(dtype: string): DType {
  if (dtype === "float32" || dtype === "int32" || dtype === "bool") return dtype;
  throw new TraceError(`dtype ${dtype} cannot be traced; use float32, int32 or bool, at ${userSite()}`);
}

function toTyped(values: unknown, { shape, dtype }: TensorSpec): DTypeArrays[DType] {
  const data = allocate(dtype, sizeOf(shape));
  data.set(values as ArrayLike<number>);
  return data;
}

const BAKED =
  /\b(randomNormal|randomUniform|randomStandardNormal|randomGamma|randomUniformInt|truncatedNormal|multinomial|dropout)_\b/;

/** The first function of the present stack with a name that matches, by the expression's first group. */
function callOf(name: RegExp): string | undefined {
  const calls = stackFrames()?.map((frame) => frame.getFunctionName() ?? "") ?? [new Error().stack ?? ""];
  for (const call of calls) {
    const found = name.exec(call)?.[1];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Symbolic tensors know shape and dtype and hold no values. */
class TraceBackend extends KernelBackend {
  readonly storage = new DataStorage<object>(this, engine());

  override write(values: backend_util.BackendValues, shape: number[], dtype: string): DataId {
    const baked = callOf(BAKED);
    if (baked !== undefined) {
      throw new TraceError(
        `tf.${baked} would be drawn once and repeated on every run: use normal(key, shape), uniform, bernoulli, at ${userSite()}`,
      );
    }
    const dataId = {};
    this.move(dataId, values, shape, dtype);
    return dataId;
  }

  override move(dataId: DataId, values: backend_util.BackendValues, shape: number[], dtype: string): void {
    const spec = { shape, dtype: checkDType(dtype) };
    recorder().bind(dataId, recorder().constant(toTyped(values, spec), spec));
  }

  override readSync(): never {
    throw new TraceError(
      `a value cannot be read while tracing (dataSync, data, array, print, if (t.dataSync()…)): use tf.where on the tensor or return it as an output, at ${userSite()}`,
    );
  }

  override async read(): Promise<never> {
    return this.readSync();
  }

  override memory() {
    return { unreliable: true, numTensors: 0, numDataBuffers: 0, numBytes: 0, reasons: [] };
  }

  override numDataIds(): number {
    return 0;
  }
  override disposeData(): boolean {
    return true;
  }
  override refCount(): number {
    return 1;
  }
  override incRef(): void {}
  override epsilon(): number {
    return 1e-7;
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {}
}

let current: Recorder | undefined;

function recorder(): Recorder {
  if (current === undefined) throw new TraceError("a symbolic tensor was used outside the function it was traced in");
  return current;
}

/** Whether code runs under {@link trace}. */
export function isTracing(): boolean {
  return current !== undefined;
}

const declared = new Set<string>();

/** Makes every registered inference callable on the tracing backend; kernels registered later are added on the next call. */
function prepareBackend(): void {
  if (engine().findBackendFactory(BACKEND) == null) registerBackend(BACKEND, () => new TraceBackend(), 0);
  for (const [kernelName, infer] of inferences()) {
    if (declared.has(kernelName)) continue;
    declared.add(kernelName);
    registerKernel({
      kernelName,
      backendName: BACKEND,
      kernelFunc: ({ inputs, attrs }) =>
        recorder().record(kernelName, inputs, attrs ?? {}, withSite(kernelName, infer)),
    });
  }
}

/** What inference refuses, with the user's line. */
function withSite(kernel: string, infer: Infer): Infer {
  return (specs, attrs) => {
    try {
      return infer(specs, attrs);
    } catch (error) {
      if (error instanceof TraceError) throw error;
      throw new TraceError(`${kernel}: ${(error as Error).message}, at ${userSite()}`, { cause: error });
    }
  };
}

/** Runs `f` with `next` as the recorder, on the tracing backend, and leaves tfjs-core's engine as it found it. */
export function withRecorder<T>(next: Recorder, f: () => T): T {
  prepareBackend();
  const tf = engine();
  const outer = { recorder: current, backend: activeBackend(), stack: Error.stackTraceLimit };
  current = next;
  Error.stackTraceLimit = 60;
  if (outer.backend !== BACKEND) void tf.setBackend(BACKEND);
  tf.startScope("latentkit trace");
  try {
    return f();
  } catch (error) {
    throw explainMissingKernel(error);
  } finally {
    tf.endScope();
    current = outer.recorder;
    Error.stackTraceLimit = outer.stack;
    if (outer.backend !== BACKEND) void tf.setBackend(outer.backend);
  }
}

/** The backend that tfjs-core uses, or would use at its first op; its cpu backend when none is ready. */
function activeBackend(): string {
  const tf = engine();
  if (tf.backendName != null) return tf.backendName;
  try {
    void tf.backend;
    return tf.backendName;
  } catch {
    return "cpu";
  }
}

function explainMissingKernel(error: unknown): unknown {
  const kernel =
    error instanceof Error && /Kernel '(\w+)' not registered for backend 'latentkit'/.exec(error.message)?.[1];
  if (!kernel) return error;
  return new TraceError(`kernel ${kernel} cannot be traced, at ${siteIn(error.stack)}`, { cause: error });
}

/** Turns a value into a tensor that tfjs-core's ops accept; only inside {@link withRecorder}. */
export function symbolicTensor(value: ValueId): Tensor {
  return engine().makeTensorFromTensorInfo(recorder().handle(value));
}

/** The value behind a tensor returned by traced code. */
export function recordedValue(tensor: Tensor): ValueId {
  if (!(tensor instanceof Tensor))
    throw new TraceError(`a traced function must return tensors, got ${describe(tensor)}`);
  return recorder().valueOf(tensor);
}

function describe(value: unknown): string {
  return value === null ? "null" : typeof value === "object" ? "an object" : `${typeof value} ${String(value)}`;
}

/** The recorder as a graph with the given ports. */
export function toGraph(recorded: Recorder, ports: Pick<Graph, "inputs" | "states" | "outputs">): Graph {
  return { values: recorded.values, constants: recorded.constants, nodes: recorded.nodes, ...ports };
}
