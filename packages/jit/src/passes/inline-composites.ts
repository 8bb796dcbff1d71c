import { compositeOf, decompose } from "../composite.js";
import type { Graph, GraphNode, ValueId } from "../graph.js";
import type { DType, DTypeArrays, TensorSpec } from "../host-tensor.js";
import { rewireState } from "./rewrite.js";

/** Replaces every composite that the engine does not lower itself by its definition, recursively. */
export function inlineComposites(graph: Graph, supported: ReadonlySet<string>): Graph {
  const values: TensorSpec[] = [...graph.values];
  const constants = new Map<ValueId, DTypeArrays[DType]>(graph.constants);
  const replaced = new Map<ValueId, ValueId>();
  const resolve = (id: ValueId): ValueId => replaced.get(id) ?? id;
  const nodes: GraphNode[] = [];

  const emit = (node: GraphNode): void => {
    const inputs = Object.fromEntries(Object.entries(node.inputs).map(([name, id]) => [name, resolve(id)]));
    const composite = supported.has(node.kernel) ? undefined : compositeOf(node.kernel);
    if (composite === undefined) {
      nodes.push({ ...node, inputs });
      return;
    }
    const specs = Object.fromEntries(Object.entries(inputs).map(([name, id]) => [name, values[id] as TensorSpec]));
    const inner = decompose(composite, specs, node.attrs);
    const map = new Map<ValueId, ValueId>();
    for (const [name, id] of Object.entries(inner.inputs)) map.set(id, inputs[name] as ValueId);
    inner.recorder.values.forEach((spec, id) => {
      if (!map.has(id)) map.set(id, values.push(spec) - 1);
    });
    const moved = (id: ValueId): ValueId => map.get(id) as ValueId;
    for (const [id, data] of inner.recorder.constants) constants.set(moved(id), data);
    for (const child of inner.recorder.nodes) {
      emit({
        ...child,
        inputs: Object.fromEntries(Object.entries(child.inputs).map(([name, id]) => [name, moved(id)])),
        outputs: child.outputs.map(moved),
        site: node.site,
      });
    }
    node.outputs.forEach((id, i) => {
      replaced.set(id, resolve(moved(inner.outputs[i] as ValueId)));
    });
  };

  graph.nodes.forEach(emit);
  return {
    ...graph,
    values,
    constants,
    nodes,
    outputs: graph.outputs.map((port) => ({ ...port, value: resolve(port.value) })),
    states: graph.states.map((state) => rewireState(state, resolve)),
  };
}
