import {
  type DType,
  type DTypeArrays,
  type Executable,
  type FedRandom,
  type Graph,
  type HostTensor,
  sizeOf,
  type TensorSpec,
  type ValueId,
} from "@latentkit/jit";
import type { LoweredGraph } from "../lowering/index.js";
import { describeFailure } from "./failure.js";
import type { ProgramDescription, WireTensor } from "./messages.js";
import type { Runtime } from "./runtime.js";
import type { OnnxStore } from "./store.js";

const BYTES: Readonly<Record<DType, number>> = { float32: 4, int32: 4, bool: 1 };

/** Inputs begin at multiples of this many bytes: a cache line. */
const ALIGNMENT = 64;

/** A value that the host puts into a run. */
interface Feed extends WireTensor {
  readonly offset: number;
  /** Writes the value into the run's buffer. */
  readonly fill: (inputs: readonly HostTensor[], out: DTypeArrays[DType]) => void;
}

/** A program in the thread of onnxruntime. */
export class OnnxExecutable implements Executable {
  readonly description: ProgramDescription;
  readonly #feeds: readonly Feed[];
  readonly #bytes: number;
  /** Buffers that came back from runs. */
  readonly #spare: ArrayBuffer[] = [];
  #disposed = false;

  constructor(
    readonly id: number,
    graph: Graph,
    private readonly lowered: LoweredGraph,
    fed: ReadonlyMap<ValueId, FedRandom>,
    private readonly store: OnnxStore,
    private readonly runtime: Runtime,
    private readonly onRun: (computeMs: number) => void,
    private readonly onDispose: () => void,
  ) {
    const { feeds, bytes } = layOut(graph, lowered, fed);
    this.#feeds = feeds;
    this.#bytes = bytes;
    this.description = describeProgram(feeds, lowered);
  }

  async run(inputs: readonly HostTensor[]): Promise<readonly HostTensor[]> {
    if (this.#disposed) throw new Error("engine onnx: the program was disposed");
    const packed = this.#spare.pop() ?? new ArrayBuffer(this.#bytes);
    for (const feed of this.#feeds) feed.fill(inputs, viewOf(feed, packed, feed.offset));
    try {
      const result = await this.runtime.ask({ type: "run", program: this.id, store: this.store.id, packed }, [packed]);
      if (result.packed !== undefined) this.#spare.push(result.packed);
      this.onRun(result.computeMs ?? 0);
      for (const { path, spec, after } of this.lowered.states) if (after !== undefined) this.store.created(path, spec);
      return this.lowered.outputs.map(({ spec }, i) => ({ ...spec, data: result.outputs?.[i] as HostTensor["data"] }));
    } catch (error) {
      throw describeFailure(error as Error);
    }
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#spare.length = 0;
    this.onDispose();
    await this.runtime.ask({ type: "disposeProgram", program: this.id });
  }
}

/** Every input of a run, the host's random numbers included, with its place in one buffer. */
function layOut(
  graph: Graph,
  lowered: LoweredGraph,
  fed: ReadonlyMap<ValueId, FedRandom>,
): { feeds: Feed[]; bytes: number } {
  let bytes = 0;
  const place = ({ shape, dtype }: TensorSpec): number => {
    const offset = bytes;
    bytes += Math.ceil((sizeOf(shape) * BYTES[dtype]) / ALIGNMENT) * ALIGNMENT;
    return offset;
  };
  const given = lowered.inputs.map(({ name, spec, position }): Feed => {
    return {
      ...spec,
      name,
      offset: place(spec),
      fill: (inputs, out) => out.set((inputs[position] as HostTensor).data),
    };
  });
  const random = lowered.fed.map(({ name, spec, value }): Feed => {
    const source = fed.get(value) as FedRandom;
    const byId = (inputs: readonly HostTensor[]) =>
      new Map(graph.inputs.map((port, i) => [port.value, inputs[i] as HostTensor]));
    return { ...spec, name, offset: place(spec), fill: (inputs, out) => source.evaluate(byId(inputs), out) };
  });
  return { feeds: [...given, ...random], bytes };
}

function viewOf({ dtype, shape }: TensorSpec, buffer: ArrayBuffer, offset: number): DTypeArrays[DType] {
  const size = sizeOf(shape);
  if (dtype === "float32") return new Float32Array(buffer, offset, size);
  return dtype === "int32" ? new Int32Array(buffer, offset, size) : new Uint8Array(buffer, offset, size);
}

function describeProgram(feeds: readonly Feed[], lowered: LoweredGraph): ProgramDescription {
  const conditions = new Set(lowered.states.flatMap(({ when }) => (when === undefined ? [] : [when])));
  const shapes = new Map(lowered.onnx.outputs.map(({ name, shape }) => [name, shape]));
  return {
    inputs: feeds.map(({ name, shape, dtype, offset }) => ({ name, shape, dtype, offset })),
    states: lowered.states.map(({ spec, ...state }) => ({ ...state, ...spec })),
    outputs: lowered.outputs.map(({ name, spec: { shape, dtype } }) => ({ name, shape, dtype })),
    conditions: [...conditions].map((name) => ({ name, shape: shapes.get(name) as readonly number[], dtype: "bool" })),
  };
}
