import { adamUpdate, type Graph, optimize, type ProgramFunction, trace } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { joinUpdates } from "./join-updates.js";

const tensorflow = { composites: new Set<string>(), foldConstants: true, conditionalStates: true };
const spec = (...shape: number[]) => ({ shape, dtype: "float32" as const });
const shapes = { bias: spec(3), scale: spec(2, 2), kernel: spec(100, 50) };
type Name = keyof typeof shapes;
const each = <T>(f: (name: Name) => T) =>
  Object.fromEntries(Object.keys(shapes).map((name) => [name, f(name as Name)])) as Record<Name, T>;

/** One guarded step of Adam for parameters whose gradients are given; `decayed` ones shrink before. */
function step(decayed: readonly Name[] = []): ProgramFunction {
  return ({ p, m, v }, { grad, rate }) => {
    const ok = tf.less(rate, tf.scalar(1));
    const scalars = { learningRate: rate, correction1: tf.scalar(0.1), correction2: tf.scalar(0.01) };
    const next = each((name) => {
      const param = decayed.includes(name) ? tf.mul(p[name], tf.scalar(0.99)) : p[name];
      const given = { param, grad: tf.mul(grad[name], tf.scalar(0.5)), m: m[name], v: v[name] };
      return adamUpdate(given, scalars, { beta1: 0.9, beta2: 0.99, epsilon: 1e-8 });
    });
    const kept = (i: 0 | 1 | 2, old: Record<Name, tf.Tensor>) => each((name) => tf.where(ok, next[name][i], old[name]));
    const loss = tf.sum(tf.mul(p.bias, tf.scalar(2)));
    return { state: { p: kept(0, p), m: kept(1, m), v: kept(2, v) }, outputs: { loss } };
  };
}

const state = { p: shapes, m: shapes, v: shapes };

function graphOf(f: ProgramFunction): Graph {
  return optimize(trace(f, { state, inputs: { grad: shapes, rate: spec() } }).graph, tensorflow);
}

const paths = ({ states }: Graph) => states.map(({ path }) => path);
const count = ({ nodes }: Graph, kernel: string) => nodes.filter((node) => node.kernel === kernel).length;

/** Every value is computed before it is read. */
function expectInOrder(graph: Graph): void {
  const produced = new Set(graph.nodes.flatMap(({ outputs }) => outputs));
  for (const { inputs, outputs } of graph.nodes) {
    for (const id of Object.values(inputs)) expect(produced.has(id)).toBe(false);
    for (const id of outputs) produced.delete(id);
  }
}

describe("joinUpdates", () => {
  it("updates small parameters and their moments as one, larger ones alone", () => {
    const { graph, members } = joinUpdates(graphOf(step()));
    expectInOrder(graph);
    expect(paths(graph).sort()).toEqual(
      ["p", "m", "v"].flatMap((tree) => [`${tree}.bias and 1 others`, `${tree}.kernel`]).sort(),
    );
    expect(members.get("p.bias and 1 others")).toEqual([
      { path: "p.bias", spec: shapes.bias },
      { path: "p.scale", spec: shapes.scale },
    ]);
    expect(count(graph, "Sqrt")).toBe(2);
    expect(count(graph, "Concat")).toBe(1); // both moments and the parameter read the same gradients
    expect(count(graph, "Slice")).toBe(1); // the loss reads the bias; nothing else needs a part
  });

  it("keeps apart what is updated differently", () => {
    const { graph, members } = joinUpdates(graphOf(step(["scale"])));
    expect(members.size).toBe(0);
    expect(paths(graph)).toHaveLength(9);
  });

  it("reads what another program joined as one, unless it changes a part of it", () => {
    const joints = [...joinUpdates(graphOf(step())).members.values()];
    const reads: ProgramFunction = ({ p }) => ({ outputs: { y: tf.sum(p.scale) } });
    const { graph } = joinUpdates(graphOf(reads), joints);
    expectInOrder(graph);
    expect(paths(graph).filter((path) => path.startsWith("p.scale") || path.startsWith("p.bias"))).toEqual([
      "p.bias and 1 others",
    ]);
    const writes: ProgramFunction = ({ p }) => ({ state: { p: { bias: tf.add(p.scale, 1) } }, outputs: {} });
    const only = { p: { bias: shapes.scale, scale: shapes.scale } };
    const { graph: written } = trace(writes, { state: only, inputs: {} });
    expect(paths(joinUpdates(written, joints).graph)).toEqual(["p.bias", "p.scale"]);
  });
});
