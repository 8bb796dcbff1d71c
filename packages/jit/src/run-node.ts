import "@tensorflow/tfjs-backend-cpu";
import { engine, type KernelBackend, type Tensor, tensor, tidy } from "@tensorflow/tfjs-core";
import { compositeOf } from "./composite.js";
import type { GraphNode, ValueId } from "./graph.js";
import { type HostTensor, hostTensor } from "./host-tensor.js";

// The cpu backend advises its first user to install another package; an engine is that other package.
const cpu = engine().registryFactory.cpu as { factory: () => KernelBackend };
const create = cpu.factory;
cpu.factory = () => Object.assign(create(), { firstUse: false });

/** Runs `f` with tfjs's cpu backend active and restores the backend that was. */
export function onCpu<T>(f: () => T): T {
  const tf = engine();
  const outer = tf.backendName;
  if (outer !== "cpu") void tf.setBackend("cpu");
  try {
    return f();
  } finally {
    if (outer !== "cpu" && outer != null) void tf.setBackend(outer);
  }
}

/** Calls one kernel of the graph on the active backend of tfjs. */
export function callKernel(node: GraphNode, input: (id: ValueId) => Tensor): Tensor[] {
  const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, input(id)]));
  const composite = compositeOf(node.kernel);
  const out = composite
    ? composite.forward(inputs, node.attrs)
    : engine().runKernel(node.kernel, ("0" in inputs ? Object.values(inputs) : inputs) as never, node.attrs as never);
  return Array.isArray(out) ? out : [out as Tensor];
}

/** A tensor on the active backend that holds a copy of the values. */
export function toTensor({ data, shape, dtype }: HostTensor): Tensor {
  return tensor(data.slice() as never, shape as number[], dtype);
}

/** The values of a tensor on the host. */
export function toHost(t: Tensor): HostTensor {
  return hostTensor(t.dataSync() as never, [...t.shape], t.dtype as HostTensor["dtype"]);
}

/** Computes one node from host values to host values on tfjs's cpu backend: the reference for every engine. */
export function runNode(node: GraphNode, value: (id: ValueId) => HostTensor): HostTensor[] {
  return onCpu(() => {
    let results: HostTensor[] = [];
    tidy(() => {
      results = callKernel(node, (id) => toTensor(value(id))).map(toHost);
    });
    return results;
  });
}
