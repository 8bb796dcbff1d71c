import { type Graph, type GraphNode, sizeOf, type TensorSpec, type ValueId } from "@latentkit/jit";
import { conv2dGeometry, countUses, isCentred, producersOf, range, removeDeadCode } from "@latentkit/jit/lowering";
import { Chain } from "./chain.js";

/** Pixels of all images together, before they are enlarged, from which the larger filter is worth computing. */
const MANY_PIXELS = 2 ** 10;

/** Axes of a filter `(rows, columns, from, to)`: the two of its window, and its channels exchanged. */
const [WINDOW, EXCHANGED] = [
  [0, 1],
  [0, 1, 3, 2],
] as const;

const NO_PADDING: readonly (readonly [number, number])[] = [
  [0, 0],
  [0, 0],
  [0, 0],
  [0, 0],
];

/**
 * Makes one operation of an upsampling, every pixel `s x s` times, and the convolution with a `k x k` window that follows.
 *
 * Both are linear: together they are a transposed convolution of stride `s`, whose filter of `k + s - 1` squared taps holds sums of the
 * filter's. A pixel then meets those instead of `(s k)^2`, 16 instead of 36 for the usual two and three, and the enlarged image is never in
 * memory. Its gradients are a convolution of stride `s` and a filter gradient of that size. Values differ in their last bits.
 * Dumoulin and Visin, 2016, §4 https://arxiv.org/abs/1603.07285
 */
export function mergeUpsampling(graph: Graph): Graph {
  const pass = new Merging(graph);
  const nodes = graph.nodes.flatMap((node) => pass.rewritten(node));
  return removeDeadCode({ ...graph, values: pass.values, nodes });
}

class Merging {
  readonly values: TensorSpec[];
  readonly #producers: ReadonlyMap<ValueId, GraphNode>;
  readonly #uses: ReadonlyMap<ValueId, number>;
  /** Larger filters by filter and factor. */
  readonly #filters = new Map<string, ValueId>();

  constructor(graph: Graph) {
    this.values = [...graph.values];
    this.#producers = producersOf(graph);
    this.#uses = countUses(graph);
  }

  /** A node, or what computes its result from the small image. */
  rewritten(node: GraphNode): readonly GraphNode[] {
    const { kernel, inputs } = node;
    const chain = new Chain(this.values, node.site);
    if (kernel === "Conv2D") this.#convolution(chain, node);
    else if (kernel === "Conv2DBackpropFilter") this.#filterGradient(chain, node);
    else if (kernel === "Sum" && inputs.x !== undefined) this.#imageGradient(chain, node);
    return chain.nodes.length > 0 ? chain.nodes : [node];
  }

  /** `conv(upsample(x), filter)`. */
  #convolution(chain: Chain, node: GraphNode): void {
    const { x, filter } = node.inputs as { x: ValueId; filter: ValueId };
    const small = this.#enlarged(x);
    if (small === undefined || !this.#isCentred(node, x, this.#shape(filter))) return;
    const [output] = node.outputs as [ValueId];
    const shape = this.#shape(output);
    const inputs = { dy: small.image, filter: this.#widened(chain, filter, small.factor) };
    chain.add("Conv2DBackpropInput", inputs, shape, { ...strided(small.factor), inputShape: shape }, output);
  }

  /** The gradient of {@link #convolution} for its filter. */
  #filterGradient(chain: Chain, node: GraphNode): void {
    const { x, dy } = node.inputs as { x: ValueId; dy: ValueId };
    const small = this.#enlarged(x);
    const [output] = node.outputs as [ValueId];
    const shape = this.#shape(output) as readonly [number, number, number, number];
    if (small === undefined || !this.#isCentred(node, x, shape)) return;
    const { factor, image } = small;
    const [rows, columns, from, to] = shape;
    const wide = [rows + factor - 1, columns + factor - 1, to, from];
    const attrs = { ...strided(factor), filterShape: wide };
    const gradient = chain.add("Conv2DBackpropFilter", { x: dy, dy: image }, wide, attrs);
    const opposite = summed(chain, gradient, factor, (sum, axis, i) =>
      chain.part(sum, onAxis(axis, i, [0, 0, 0, 0]), onAxis(axis, shape[axis] as number, chain.shapeOf(sum))),
    );
    chain.transposed(chain.reversed(opposite, WINDOW), EXCHANGED, output);
  }

  /** The gradient of {@link #convolution} for its image: the sum of the gradients of a pixel's copies. */
  #imageGradient(chain: Chain, node: GraphNode): void {
    const [output] = node.outputs as [ValueId];
    const copies = this.#producers.get(node.inputs.x as ValueId);
    if (copies?.kernel !== "Reshape" || !this.#isOnlyUse(copies) || `${node.attrs.axis}` !== "2,4") return;
    const large = this.#producers.get(copies.inputs.x as ValueId);
    if (large?.kernel !== "Conv2DBackpropInput" || !this.#isOnlyUse(large)) return;
    const { dy, filter } = large.inputs as { dy: ValueId; filter: ValueId };
    const small = this.#shape(output);
    const factor = this.#factor(small, this.#shape(large.outputs[0] as ValueId));
    if (factor === undefined || !this.#isCentred(large, large.outputs[0] as ValueId, this.#shape(filter))) return;
    const wide = this.#widened(chain, filter, factor);
    chain.add("Conv2D", { x: dy, filter: wide }, small, strided(factor), output);
  }

  /** The larger filter, `(k + s - 1, k + s - 1, to, from)`: each tap is the sum of those that meet the copies of one pixel. */
  #widened(chain: Chain, filter: ValueId, factor: number): ValueId {
    const key = `${filter} ${factor}`;
    const known = this.#filters.get(key);
    if (known !== undefined) return known;
    const opposite = chain.reversed(chain.transposed(filter, EXCHANGED), WINDOW);
    const wide = summed(chain, opposite, factor, (sum, axis, i) =>
      chain.padded(sum, onAxis(axis, [i, factor - 1 - i], NO_PADDING)),
    );
    this.#filters.set(key, wide);
    return wide;
  }

  /** The image that was enlarged to this one, when there are enough pixels. */
  #enlarged(id: ValueId): { image: ValueId; factor: number } | undefined {
    const node = this.#producers.get(id);
    if (node?.kernel !== "ResizeNearestNeighbor" || node.attrs.alignCorners) return undefined;
    const image = node.inputs.images as ValueId;
    const factor = this.#factor(this.#shape(image), this.#shape(id));
    return factor === undefined || this.values[image]?.dtype !== "float32" ? undefined : { image, factor };
  }

  /** How many times larger both sides of an image are, if that is a whole number from two on and there are enough pixels. */
  #factor(small: readonly number[], large: readonly number[]): number | undefined {
    const [[batch, height, width], [, tall, wide]] = [small, large] as [number[], number[]];
    const factor = (tall as number) / (height as number);
    const isWhole = small.length === 4 && Number.isInteger(factor) && factor > 1 && wide === factor * (width as number);
    return isWhole && sizeOf([batch as number, height as number, width as number]) >= MANY_PIXELS ? factor : undefined;
  }

  /** Whether a node is, or belongs to, a convolution of the image with a larger window than a pixel that leaves the image's size. */
  #isCentred({ attrs }: GraphNode, image: ValueId, filter: readonly number[]): boolean {
    const attr = <T>(name: string) => attrs[name] as T;
    const g = conv2dGeometry({ attr }, this.#shape(image), filter, false);
    return !g.channelsFirst && isCentred(g) && g.dilation.every((n) => n === 1) && g.window.every((n) => n > 1);
  }

  #isOnlyUse({ outputs }: GraphNode): boolean {
    return this.#uses.get(outputs[0] as ValueId) === 1;
  }

  #shape(id: ValueId): readonly number[] {
    return (this.values[id] as TensorSpec).shape;
  }
}

/** Attributes of a convolution whose result is `factor` times smaller. */
const strided = (factor: number) => ({ strides: [factor, factor], pad: "same", dataFormat: "NHWC", dilations: 1 });

/** The sum of `count` copies along both axes of the window, the i-th as `copy` places it along an axis. */
function summed(
  chain: Chain,
  x: ValueId,
  count: number,
  copy: (x: ValueId, axis: number, i: number) => ValueId,
): ValueId {
  return WINDOW.reduce((sum, axis) => chain.sum(range(count).map((i) => copy(sum, axis, i))), x);
}

const onAxis = <T>(axis: number, value: T, other: readonly T[]): T[] =>
  other.map((old, i) => (i === axis ? value : old));
