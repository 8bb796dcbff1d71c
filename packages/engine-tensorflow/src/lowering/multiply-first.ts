import { type Graph, type GraphNode, sizeOf, type ValueId } from "@latentkit/jit";
import { conv2dGeometry, type Geometry, isCentred, range, removeDeadCode } from "@latentkit/jit/lowering";
import { Chain } from "./chain.js";

/** Channels that are few, and how many times more there must be on the other side. */
const [FEW, TIMES] = [4, 8];
/** Pixels of all images together from which the product is worth its slices. */
const MANY_PIXELS = 2 ** 10;

/** A tap of the window and where the pixel that it multiplies lies, seen from the result's. */
interface Tap {
  readonly index: number;
  readonly shift: number;
}

/** The taps of the results at `i`, `i + s`, `i + 2 s`, … along an axis, for `i` below the stride `s`. */
type Phases = readonly (readonly Tap[])[];

/**
 * Computes convolutions to few channels, those that end in an image, as a product: every pixel's channels times all taps at once, and of what
 * results, shifted by its tap, the sum.
 *
 * oneDNN computes results for 16 channels at a time and throws away what is not asked for. The gradient of such a filter is computed with image
 * and gradient exchanged, for the same reason. For clusters, where the sum is one loop. Values differ in their last bits.
 */
export function multiplyFirst(graph: Graph): Graph {
  const values = [...graph.values];
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    const chain = new Chain(values, node.site);
    const rewrite = REWRITES[node.kernel];
    rewrite?.(chain, node, node.outputs[0] as ValueId);
    return chain.nodes.length > 0 ? chain.nodes : [node];
  });
  return removeDeadCode({ ...graph, values, nodes });
}

/** Adds what computes a node's output, or nothing when the node is better as it is. */
type Rewrite = (chain: Chain, node: GraphNode, output: ValueId) => void;

const REWRITES: Readonly<Record<string, Rewrite>> = {
  Conv2D(chain, { inputs, attrs }, output) {
    const { x, filter } = inputs as { x: ValueId; filter: ValueId };
    const g = geometryOf(attrs, chain.shapeOf(x), chain.shapeOf(filter));
    const [from, to] = chain.shapeOf(filter).slice(2) as [number, number];
    if (!isPlain(g) || g.stride.some((n) => n > 1) || !isWorth(chain, x, to, from)) return;
    const phases = g.window.map((size, axis) => [
      range(size).map((index) => ({ index, shift: index - (g.before[axis] as number) })),
    ]);
    sumOfProducts(chain, x, chain.transposed(filter, [2, 0, 1, 3]), phases, output);
  },

  Conv2DBackpropInput(chain, { inputs, attrs }, output) {
    const { dy, filter } = inputs as { dy: ValueId; filter: ValueId };
    const g = geometryOf(attrs, chain.shapeOf(output), chain.shapeOf(filter));
    const [to, from] = chain.shapeOf(filter).slice(2) as [number, number];
    const isWhole = g.stride.every(
      (n, axis) => (g.inSize[axis] as number) % n === 0 && n <= (g.window[axis] as number),
    );
    if (!isPlain(g) || !isWhole || !isWorth(chain, dy, to, from)) return;
    const phases = g.window.map((size, axis) => phasesOf(size, g.stride[axis] as number, g.before[axis] as number));
    sumOfProducts(chain, dy, chain.transposed(filter, [3, 0, 1, 2]), phases, output);
  },

  Conv2DBackpropFilter(chain, { inputs, attrs }, output) {
    const { x, dy } = inputs as { x: ValueId; dy: ValueId };
    const shape = chain.shapeOf(output);
    const [rows, columns, from, to] = shape as readonly [number, number, number, number];
    const g = geometryOf(attrs, chain.shapeOf(x), shape);
    if (!isPlain(g) || !isCentred(g) || !isWorth(chain, x, to, from)) return;
    const exchanged = [rows, columns, to, from];
    const gradient = { ...attrs, filterShape: exchanged };
    const opposite = chain.add("Conv2DBackpropFilter", { x: dy, dy: x }, exchanged, gradient);
    chain.transposed(chain.reversed(opposite, [0, 1]), [0, 1, 3, 2], output);
  },
};

function geometryOf(attrs: GraphNode["attrs"], image: readonly number[], filter: readonly number[]): Geometry {
  return conv2dGeometry({ attr: <T>(name: string) => attrs[name] as T }, image, filter, false);
}

const isPlain = ({ channelsFirst, dilation, window }: Geometry): boolean =>
  !channelsFirst && dilation.every((n) => n === 1) && window.some((n) => n > 1);

/** @param from Channels of the image. @param to Channels of what is computed from it. */
function isWorth(chain: Chain, image: ValueId, to: number, from: number): boolean {
  return to <= FEW && from >= TIMES * to && sizeOf(chain.shapeOf(image)) >= MANY_PIXELS * from;
}

/** A transposed convolution: pixel `p` adds its tap `t` to the result at `stride p + t - before`. */
function phasesOf(window: number, stride: number, before: number): Phases {
  return range(stride).map((phase) => {
    const [first, shift] = [(phase + before) % stride, Math.floor((phase + before) / stride)];
    return range(Math.ceil((window - first) / stride)).map((a) => ({ index: first + stride * a, shift: shift - a }));
  });
}

/**
 * @param image Shape `(N, h, w, from)`.
 * @param taps Filter, shape `(from, rows, columns, to)`.
 * @param phases Of both axes.
 * @param output Its value has the shape `(N, H, W, to)`, `H` and `W` being the image's times the numbers of phases.
 */
function sumOfProducts(chain: Chain, image: ValueId, taps: ValueId, phases: readonly Phases[], output: ValueId): void {
  const [N, h, w, from] = chain.shapeOf(image) as readonly [number, number, number, number];
  const [, rows, columns, to] = chain.shapeOf(taps) as readonly [number, number, number, number];
  const [, H, W] = chain.shapeOf(output) as readonly [number, number, number, number];
  const [vertical, horizontal] = phases as [Phases, Phases];
  const size = [H / vertical.length, W / horizontal.length] as const;
  const count = rows * columns * to;
  const pixels = chain.reshaped(image, [N * h * w, from]);
  const matrix = chain.reshaped(taps, [from, count]);
  const products = chain.product(pixels, matrix);
  const margins = [margin(vertical, h, size[0]), margin(horizontal, w, size[1])] as const;
  const wide = chain.padded(chain.reshaped(products, [N, h, w, count]), [[0, 0], ...margins, [0, 0]]);
  const term = (y: Tap, x: Tap) => {
    const begin = [0, margins[0][0] + y.shift, margins[1][0] + x.shift, (y.index * columns + x.index) * to];
    return chain.part(wide, begin, [N, ...size, to]);
  };
  const sums = vertical.map((ys) => horizontal.map((xs) => chain.sum(ys.flatMap((y) => xs.map((x) => term(y, x))))));
  const interleaved = sums.map((row) => {
    const apart = row.map((sum) => chain.reshaped(sum, [N, size[0], 1, size[1], 1, to]));
    return chain.joined(apart, 4);
  });
  chain.reshaped(chain.joined(interleaved, 2), chain.shapeOf(output), output);
}

/** How far shifted reads lie before the first and behind the last of `size` pixels. */
function margin(phases: Phases, size: number, results: number): readonly [number, number] {
  const shifts = phases.flat().map(({ shift }) => shift);
  return [Math.max(0, -Math.min(...shifts)), Math.max(0, Math.max(...shifts) + results - size)];
}
