import * as tf from "@tensorflow/tfjs-core";
import { between, bools, float, floats, ints, kernelCase, VALUES_ONLY } from "./case.js";

type Reduce = (x: tf.Tensor, axis?: number | number[], keepDims?: boolean) => tf.Tensor;

const REDUCTIONS: readonly [string, Reduce][] = [
  ["Sum", tf.sum],
  ["Mean", tf.mean],
  ["Max", tf.max],
  ["Min", tf.min],
  ["Prod", tf.prod],
];

/** Axes to reduce of a (2, 3, 4) tensor. */
const AXES: readonly [string, number | number[] | undefined, boolean][] = [
  ["all axes", undefined, false],
  ["all axes, kept", undefined, true],
  ["the last axis", -1, false],
  ["the first axis, kept", 0, true],
  ["the middle axis", [1], false],
  ["two axes", [0, 2], false],
  ["two axes, kept", [-1, -2], true],
];

const cumulative = (kernel: string, op: typeof tf.cumsum) => [
  ...[-1, 0, 1, 2].map((axis) =>
    kernelCase(`${kernel} along axis ${axis}`, kernel, [between(0.3, 1.5, 2, 3, 2, 3)], (x) => op(x, axis)),
  ),
  ...(
    [
      [true, false],
      [false, true],
      [true, true],
    ] as const
  ).map(([exclusive, reverse]) =>
    kernelCase(
      `${kernel}${exclusive ? ", exclusive" : ""}${reverse ? ", reverse" : ""}`,
      kernel,
      [between(0.3, 1.5, 2, 4)],
      (x) => op(x, 1, exclusive, reverse),
    ),
  ),
  kernelCase(`${kernel} of a vector`, kernel, [between(0.3, 1.5, 5)], (x) => op(x, 0)),
  kernelCase(`${kernel} of int32`, kernel, [ints([1, 2, 3, 4], 2, 2)], (x) => op(x, 1), VALUES_ONLY),
];

export const reductionCases = [
  ...REDUCTIONS.flatMap(([kernel, reduce]) => [
    ...AXES.map(([name, axis, keepDims]) =>
      kernelCase(`${kernel} over ${name}`, kernel, [between(-2, 2, 2, 3, 4)], (x) => reduce(x, axis, keepDims)),
    ),
    kernelCase(`${kernel} of a scalar`, kernel, [float()], (x) => reduce(x)),
    kernelCase(`${kernel} of rank 5`, kernel, [between(0.5, 2, 2, 1, 3, 1, 2)], (x) => reduce(x, [1, 2, 4])),
    kernelCase(`${kernel} of int32`, kernel, [ints([3, -1, 4, 2, -5, 9], 2, 3)], (x) => reduce(x, 1), VALUES_ONLY),
  ]),
  kernelCase("Sum of bool", "Sum", [bools([1, 0, 1, 1], 2, 2)], (x) => tf.sum(x, 0), VALUES_ONLY),
  kernelCase("Prod with a zero", "Prod", [floats([0.5, 0, 2, -1.5, 3, 0.25], 2, 3)], (x) => tf.prod(x, 1)),
  kernelCase("Max of a row with ties", "Max", [floats([1, 3, 3, 0, 0, -1], 2, 3)], (x) => tf.max(x, 1), VALUES_ONLY),
  kernelCase(
    "All",
    "All",
    [bools([1, 1, 1, 0, 1, 1], 2, 3)],
    (x) => [tf.all(x), tf.all(x, 1), tf.all(x, 0, true)],
    VALUES_ONLY,
  ),
  kernelCase(
    "Any",
    "Any",
    [bools([0, 0, 0, 0, 1, 0], 2, 3)],
    (x) => [tf.any(x), tf.any(x, 1), tf.any(x, 0, true)],
    VALUES_ONLY,
  ),
  ...(["ArgMax", "ArgMin"] as const).map((kernel) => {
    const op = kernel === "ArgMax" ? tf.argMax : tf.argMin;
    return kernelCase(kernel, kernel, [between(-2, 2, 2, 3, 4)], (x) => [op(x, 0), op(x, 1), op(x, -1)], VALUES_ONLY);
  }),
  kernelCase(
    "ArgMax takes the first of ties",
    "ArgMax",
    [floats([1, 3, 3, 2, 2, 0], 2, 3)],
    (x) => tf.argMax(x, 1),
    VALUES_ONLY,
  ),
  kernelCase("norm", "Abs Pow Sum", [between(0.3, 2, 3, 4)], (x) => tf.norm(x, 2, 1)),
  ...cumulative("Cumsum", tf.cumsum),
  ...cumulative("Cumprod", tf.cumprod),
  kernelCase("Cumprod with a zero", "Cumprod", [floats([0.5, 0, 2, -1.5, 3, 0.25], 2, 3)], (x) => tf.cumprod(x, 1)),
  kernelCase("topk", "TopK", [between(-2, 2, 2, 3, 5)], (x) => tf.topk(x, 3).values),
  kernelCase("topk values and indices", "TopK", [between(-2, 2, 6)], (x) => {
    const { values, indices } = tf.topk(x, 2);
    return [values, indices];
  }),
  kernelCase("topk of everything", "TopK", [between(-2, 2, 2, 4)], (x) => tf.topk(x, 4).values),
  kernelCase(
    "searchSorted",
    "SearchSorted",
    [floats([0, 1, 2, 3, -1, 0, 0, 4], 2, 4), floats([0, 2.5, 9, 0, -3, 4], 2, 3)],
    (sorted, values) => [tf.lowerBound(sorted, values), tf.upperBound(sorted, values)],
    VALUES_ONLY,
  ),
  kernelCase("unsortedSegmentSum", "UnsortedSegmentSum", [float(5, 2), ints([0, 2, 0, 3, 2], 5)], (x, ids) =>
    tf.unsortedSegmentSum(x, ids, 4),
  ),
  kernelCase(
    "unsortedSegmentSum without the negative segment",
    "UnsortedSegmentSum",
    [float(4, 2, 2), ints([1, -1, 0, 1], 4)],
    (x, ids) => tf.unsortedSegmentSum(x, ids, 2),
  ),
];
