import { type Graph, type GraphNode, type GraphState, sizeOf, type TensorSpec, type ValueId } from "@latentkit/jit";
import { producersOf, removeDeadCode, sameShape } from "@latentkit/jit/lowering";
import { isKept, type KeptState, nodesOfOneVerdict } from "./update-in-place.js";

/** Elements up to which a tensor is joined with others: what is gained by a call less is lost where more has to be copied. */
const MAX_ELEMENTS = 4096;

/** Kernels that compute every element from the same one of their inputs. */
const ELEMENTWISE = new Set(
  "Abs Add ClipByValue Maximum Minimum Multiply Neg Pow RealDiv Reciprocal Rsqrt Select Sign Sqrt Square SquaredDifference Sub".split(
    " ",
  ),
);

/** A graph some of whose states hold several of the program's, one behind the other. */
export interface JoinedGraph {
  readonly graph: Graph;
  /** Paths and specs of what a state holds, by its path; every other state is one of the program's. */
  readonly members: ReadonlyMap<string, readonly StatePart[]>;
}

/** A state of the program. */
export interface StatePart {
  readonly path: string;
  readonly spec: TensorSpec;
}

/**
 * Makes one state of small ones that are updated alike, and one update of theirs: biases, scales and offsets with their moments and averages.
 *
 * TensorFlow looks after every variable of a run, and XLA computes every update in loops of its own; for a bias both take longer than its
 * arithmetic. Whose update is like whose follows from the graph alone: the same element by element operations on the same scalars.
 *
 * @param joints What other programs on the same store joined: what this one only reads of it stays together.
 */
export function joinUpdates(graph: Graph, joints: readonly (readonly StatePart[])[] = []): JoinedGraph {
  const updates = new Updates(graph);
  const writer = new JointWriter(graph, updates);
  for (const families of updates.groups()) writer.join(families);
  for (const parts of joints) writer.keepTogether(parts);
  return writer.finish();
}

/** States whose new values depend on each other's old ones, e.g. a bias with its moments; all of one shape, in the order of the graph. */
type Family = readonly KeptState[];

/** Reads from a graph how its states are updated. */
class Updates {
  readonly #producers: ReadonlyMap<ValueId, GraphNode>;
  readonly #deferrable: ReadonlySet<GraphNode>;
  readonly #states: ReadonlyMap<ValueId, KeptState>;

  constructor(private readonly graph: Graph) {
    this.#producers = producersOf(graph);
    this.#deferrable = nodesOfOneVerdict(graph);
    const small = graph.states.filter(isKept).filter(({ before }) => {
      const { shape, dtype } = this.#spec(before);
      return dtype === "float32" && shape.length > 0 && sizeOf(shape) > 1 && sizeOf(shape) <= MAX_ELEMENTS;
    });
    this.#states = new Map(small.map((state) => [state.before, state]));
  }

  #spec(id: ValueId): TensorSpec {
    return this.graph.values[id] as TensorSpec;
  }

  /** The node of an update that computes a value of this shape element by element. */
  step(id: ValueId, shape: readonly number[]): GraphNode | undefined {
    const node = this.#producers.get(id);
    if (node === undefined || !ELEMENTWISE.has(node.kernel) || !this.#deferrable.has(node)) return undefined;
    const fits = Object.values(node.inputs).every((x) => this.isScalar(x) || sameShape(this.#spec(x).shape, shape));
    return fits && sameShape(this.#spec(id).shape, shape) ? node : undefined;
  }

  isScalar(id: ValueId): boolean {
    return this.#spec(id).shape.length === 0;
  }

  /** Families of at least two that are updated alike, together. */
  groups(): Family[][] {
    const alike = new Map<string, Family[]>();
    for (const family of this.#families()) {
      const signature = this.#signature(family);
      if (signature !== undefined) alike.set(signature, [...(alike.get(signature) ?? []), family]);
    }
    return [...alike.values()].filter((families) => families.length > 1);
  }

  #families(): Family[] {
    const of = new Map([...this.#states.values()].map((state) => [state, new Set([state])]));
    for (const state of this.#states.values()) {
      for (const other of this.#readBy(state)) {
        const [mine, theirs] = [of.get(state), of.get(other)] as [Set<KeptState>, Set<KeptState>];
        if (mine === theirs) continue;
        for (const one of theirs) of.set(one, mine.add(one));
      }
    }
    const order = new Map(this.graph.states.map((state, i) => [state as GraphState, i]));
    const position = (state: KeptState) => order.get(state) as number;
    return [...new Set(of.values())].map((family) => [...family].sort((a, b) => position(a) - position(b)));
  }

  /** The states whose old values the update of one reads, itself left out. */
  #readBy(state: KeptState): Set<KeptState> {
    const { shape } = this.#spec(state.before);
    const found = new Set<KeptState>();
    const seen = new Set<ValueId>();
    const visit = (id: ValueId): void => {
      if (seen.has(id)) return;
      seen.add(id);
      const other = this.#states.get(id);
      if (other !== undefined && other.when === state.when && sameShape(this.#spec(id).shape, shape)) found.add(other);
      for (const x of Object.values(this.step(id, shape)?.inputs ?? {})) visit(x);
    };
    visit(state.after);
    return found;
  }

  /** How a family is updated, in words that are equal for families that may be joined; undefined when one of its states is not computed from others. */
  #signature(family: Family): string | undefined {
    const [first] = family as [KeptState];
    const { shape } = this.#spec(first.before);
    const names = new Map<ValueId, string>(family.map(({ before }, i) => [before, `@${i}`]));
    const parts: string[] = [];
    const name = (id: ValueId): string => {
      const known = names.get(id);
      if (known !== undefined) return known;
      const node = this.step(id, shape);
      const inputs = node === undefined ? [] : Object.entries(node.inputs).map(([key, x]) => `${key}:${name(x)}`);
      const mine = this.isScalar(id) ? `#${id}` : `$${names.size}`;
      names.set(id, mine);
      if (node !== undefined) parts.push(`${mine}=${node.kernel}${JSON.stringify(node.attrs)}(${inputs})`);
      return mine;
    };
    const results = family.map(({ after }) => name(after));
    if (family.some(({ after }) => this.step(after, shape) === undefined)) return undefined;
    return [first.when, family.length, ...parts, ...results].join(" ");
  }
}

/** Writes the joint states and updates of a graph. */
class JointWriter {
  readonly #values: TensorSpec[];
  /** Cut the members out of joint states. */
  readonly #cuts: GraphNode[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #states: GraphState[] = [];
  readonly #members = new Map<string, readonly StatePart[]>();
  readonly #joined = new Set<GraphState>();

  constructor(
    private readonly graph: Graph,
    private readonly updates: Updates,
  ) {
    this.#values = [...graph.values];
  }

  /** Makes one state of the first of every family, one of the second and so on, with one update for all families. */
  join(families: readonly Family[]): void {
    const [pattern] = families as [Family];
    const shapes = families.map(([state]) => this.#shape((state as KeptState).before));
    const size = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
    const known = new Map<string, ValueId>();
    const roles = pattern.map((_, role) => families.map((family) => family[role] as KeptState));
    const befores = roles.map((states) => {
      const before = this.#add([size]);
      this.#cut(before, states, shapes);
      known.set(states.map((state) => state.before).join(), before);
      return before;
    });
    roles.forEach((states, role) => {
      const afters = states.map(({ after }) => after);
      const path = `${(states[0] as KeptState).path} and ${states.length - 1} others`;
      const after = this.#computed(afters, shapes, known);
      this.#states.push({ path, before: befores[role] as ValueId, after, when: (pattern[role] as KeptState).when });
      this.#members.set(
        path,
        states.map((state) => ({ path: state.path, spec: this.#values[state.before] as TensorSpec })),
      );
      for (const state of states) this.#joined.add(state);
    });
  }

  /** Reads a joint state of other programs as one, unless this program changes a part of it. */
  keepTogether(parts: readonly StatePart[]): void {
    const states = parts.map(({ path }) => this.graph.states.find((state) => state.path === path));
    const present = states.filter((state) => state !== undefined);
    if (present.length === 0 || present.some((state) => state.after !== undefined || this.#joined.has(state))) return;
    const shapes = parts.map(({ spec }) => spec.shape);
    const path = `${parts[0]?.path} and ${parts.length - 1} others`;
    const before = this.#add([shapes.reduce((sum, shape) => sum + sizeOf(shape), 0)]);
    this.#cut(before, states, shapes);
    this.#states.push({ path, before });
    this.#members.set(path, parts);
    for (const state of present) this.#joined.add(state);
  }

  /** The members' old values from the joint one, under the ids they had. */
  #cut(joint: ValueId, states: readonly (GraphState | undefined)[], shapes: readonly (readonly number[])[]): void {
    let begin = 0;
    states.forEach((state, i) => {
      const shape = shapes[i] as readonly number[];
      const size = [sizeOf(shape)];
      if (state?.before !== undefined) {
        const part = this.#add(size);
        const site = state.path;
        this.#cuts.push(
          { kernel: "Slice", attrs: { begin: [begin], size }, inputs: { x: joint }, outputs: [part], site },
          { kernel: "Reshape", attrs: { shape }, inputs: { x: part }, outputs: [state.before], site },
        );
      }
      begin += sizeOf(shape);
    });
  }

  /** One vector of the values that the families have in one place of their updates. */
  #computed(ids: readonly ValueId[], shapes: readonly (readonly number[])[], known: Map<string, ValueId>): ValueId {
    const key = ids.join();
    const found = known.get(key);
    if (found !== undefined) return found;
    const [first] = ids as [ValueId];
    if (this.updates.isScalar(first)) return first;
    const steps = ids.map((id, i) => this.updates.step(id, shapes[i] as readonly number[]));
    const [step] = steps as [GraphNode | undefined];
    const result =
      step === undefined ? this.#concatenated(ids) : this.#stepped(step, steps as GraphNode[], shapes, known);
    known.set(key, result);
    return result;
  }

  #stepped(
    pattern: GraphNode,
    steps: readonly GraphNode[],
    shapes: readonly (readonly number[])[],
    known: Map<string, ValueId>,
  ): ValueId {
    const inputs = Object.keys(pattern.inputs).map((name) => {
      const operands = steps.map((step) => step.inputs[name] as ValueId);
      return [name, this.#computed(operands, shapes, known)] as const;
    });
    const size = shapes.reduce((sum, shape) => sum + sizeOf(shape), 0);
    return this.#node({ ...pattern, inputs: Object.fromEntries(inputs) }, [size]);
  }

  #concatenated(ids: readonly ValueId[]): ValueId {
    const parts = ids.map((id) => {
      const shape = [sizeOf(this.#shape(id))];
      return this.#node({ kernel: "Reshape", attrs: { shape }, inputs: { x: id }, outputs: [], site: "" }, shape);
    });
    const size = ids.reduce((sum, id) => sum + sizeOf(this.#shape(id)), 0);
    const inputs = Object.fromEntries(parts.entries());
    return this.#node({ kernel: "Concat", attrs: { axis: 0 }, inputs, outputs: [], site: "" }, [size]);
  }

  #node(node: GraphNode, shape: readonly number[]): ValueId {
    const output = this.#add(shape);
    this.#nodes.push({ ...node, outputs: [output] });
    return output;
  }

  #add(shape: readonly number[]): ValueId {
    return this.#values.push({ shape, dtype: "float32" }) - 1;
  }

  #shape(id: ValueId): readonly number[] {
    return (this.#values[id] as TensorSpec).shape;
  }

  finish(): JoinedGraph {
    const { graph } = this;
    if (this.#states.length === 0) return { graph, members: this.#members };
    const states = [...graph.states.filter((state) => !this.#joined.has(state)), ...this.#states];
    const nodes = [...this.#cuts, ...graph.nodes, ...this.#nodes];
    return { graph: removeDeadCode({ ...graph, values: this.#values, nodes, states }), members: this.#members };
  }
}
