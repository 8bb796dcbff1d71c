import { getKernel, type Tensor, engine as tfEngine } from "@tensorflow/tfjs-core";
import { compositeOf } from "./composite.js";
import type { Engine, EngineCapabilities, Executable, Store } from "./engine.js";
import { UnsupportedKernelError } from "./errors.js";
import { type Graph, type GraphNode, graphResults, type ValueId } from "./graph.js";
import type { HostTensor, TensorSpec } from "./host-tensor.js";
import { callKernel, onCpu, toHost, toTensor } from "./run-node.js";
import { HostStore } from "./store.js";

/**
 * The reference engine: interprets a graph kernel by kernel on tfjs's cpu backend. Slow, always available, and what every other engine is
 * compared with. A run blocks the event loop; between runs it turns several times a second, so that signals and timers are heard.
 */
export function eager(): Engine {
  const stores = new Set<HostStore>();
  let last: Promise<unknown> = Promise.resolve();
  /** Starts a run when the one before it has ended. */
  const queue = <T>(run: () => Promise<T>): Promise<T> => {
    const next = last.then(run);
    last = next.catch(() => {});
    return next;
  };
  const capabilities: EngineCapabilities = {
    composites: new Set(),
    foldConstants: true,
    conditionalStates: true,
    details: { backend: "tfjs cpu" },
  };
  return {
    name: "eager",
    capabilities,
    createStore() {
      const store = new HostStore();
      stores.add(store);
      return store;
    },
    async compile(graph: Graph, store: Store): Promise<Executable> {
      refuseUnknownKernels(graph);
      const lastUse = findLastUses(graph);
      return {
        run: (inputs) =>
          queue(async () => {
            await breathe();
            return onCpu(() => interpret(graph, lastUse, store as HostStore, inputs));
          }),
        dispose: async () => {},
      };
    },
    async dispose() {
      for (const store of stores) await store.dispose();
      stores.clear();
    },
  };
}

function refuseUnknownKernels({ nodes }: Graph): void {
  const unknown = nodes.find(({ kernel }) => compositeOf(kernel) === undefined && getKernel(kernel, "cpu") == null);
  if (unknown !== undefined) throw new UnsupportedKernelError("eager", unknown.kernel, unknown.site);
}

const BREATH_MS = 50;
let lastBreath = 0;

/** Lets the event loop turn once when it has not for a while. */
async function breathe(): Promise<void> {
  if (performance.now() - lastBreath < BREATH_MS) return;
  await new Promise((resolve) => setTimeout(resolve, 0));
  lastBreath = performance.now();
}

function findLastUses(graph: Graph): ReadonlyMap<GraphNode, readonly ValueId[]> {
  const last = new Map<ValueId, GraphNode>();
  for (const node of graph.nodes) {
    for (const id of Object.values(node.inputs)) last.set(id, node);
  }
  const byNode = new Map<GraphNode, ValueId[]>();
  for (const [id, node] of last) byNode.set(node, [...(byNode.get(node) ?? []), id]);
  return byNode;
}

function interpret(
  graph: Graph,
  lastUse: ReadonlyMap<GraphNode, readonly ValueId[]>,
  store: HostStore,
  inputs: readonly HostTensor[],
): HostTensor[] {
  const values = new Map<ValueId, Tensor>();
  const value = (id: ValueId): Tensor => {
    const known = values.get(id);
    if (known !== undefined) return known;
    const constant = toTensor({
      ...(graph.values[id] as TensorSpec),
      data: graph.constants.get(id) as HostTensor["data"],
    });
    values.set(id, constant);
    return constant;
  };
  const results = new Set(graphResults(graph));
  tfEngine().startScope("latentkit eager");
  try {
    for (const [i, port] of graph.inputs.entries()) values.set(port.value, toTensor(inputs[i] as HostTensor));
    for (const state of graph.states) {
      if (state.before !== undefined) values.set(state.before, toTensor(store.get(state.path)));
    }
    for (const node of graph.nodes) {
      for (const [i, tensor] of callKernel(node, value).entries()) values.set(node.outputs[i] as ValueId, tensor);
      for (const id of lastUse.get(node) ?? []) {
        if (!results.has(id)) values.get(id)?.dispose();
      }
    }
    const next = graph.states.flatMap((state) =>
      state.after === undefined || (state.when !== undefined && value(state.when).dataSync()[0] === 0)
        ? []
        : [[state.path, toHost(value(state.after))] as const],
    );
    const outputs = graph.outputs.map((port) => toHost(value(port.value)));
    for (const [path, tensor] of next) store.tensors.set(path, { ...tensor, data: tensor.data.slice() });
    return outputs.map((output) => ({ ...output, data: output.data.slice() }));
  } finally {
    tfEngine().endScope();
  }
}
