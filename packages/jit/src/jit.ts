import type { Tensor } from "@tensorflow/tfjs-core";
import { compile, type Program, type ProgramFunction } from "./compile.js";
import type { Engine } from "./engine.js";
import type { HostTensor } from "./host-tensor.js";
import { toHost, toTensor } from "./run-node.js";
import { mapTree, type Tree } from "./tree.js";

/** A function of tensors that runs as one native call. */
export interface Jitted<A extends readonly Tree<Tensor>[], R extends Tree<Tensor>> {
  (...args: A): Promise<R>;
  /** Frees the programs compiled for the shapes seen so far. */
  dispose(): Promise<void>;
}

/**
 * Compiles a function of tfjs tensors: `const f = jit(engine, (x: Tensor) => tf.softplus(tf.matMul(x, w)))`.
 * It is traced once for every combination of argument shapes; tensors it captures become constants of the graph.
 * Results are tensors of the backend active in tfjs-core.
 *
 * @throws TraceError, UnsupportedKernelError as {@link compile} does, when the function is called with new shapes.
 */
export function jit<A extends readonly Tree<Tensor>[], R extends Tree<Tensor>>(
  engine: Engine,
  f: (...args: A) => R,
): Jitted<A, R> {
  const store = engine.createStore();
  const used = new Set<Program>();
  const body: ProgramFunction = (_state, { args }) => ({ outputs: { result: f(...args) } });
  const call = async (...args: A): Promise<R> => {
    const values = mapTree(args as Tree<Tensor>, toHost);
    const specs = mapTree(values, ({ shape, dtype }) => ({ shape, dtype }));
    const program = await compile(engine, body, { state: {}, inputs: { args: specs } }, store);
    used.add(program);
    const { result } = await program.run({ args: values });
    return mapTree(result as Tree<HostTensor>, toTensor) as unknown as R;
  };
  const dispose = async () => {
    for (const program of used) await program.dispose();
    await store.dispose();
  };
  return Object.assign(call, { dispose });
}
