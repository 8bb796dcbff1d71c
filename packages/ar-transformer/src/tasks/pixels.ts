import { type DatumSpec, type Key, permutation, sizeOf } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { refuse } from "../architecture.js";
import type { Task } from "./task.js";
import { shifted } from "./text.js";

/** Turns images into rows of tokens and back: rows from the top, pixels from the left, channels in their order. */
interface Coding {
  readonly vocabulary: number;
  /** Tokens an image. */
  readonly length: number;
  readonly initState: (x: Tensor, key: Key) => Record<string, Tensor>;
  /** @param x Shape `(B, H, W, C)`. @returns int32, `(B, length)`. */
  readonly toTokens: (state: any, x: Tensor) => Tensor;
  readonly toData: (state: any, tokens: Tensor) => Tensor;
  readonly note: string;
}

/** Every value is a token: 256 of them for 8-bit images. */
function levelCoding({ shape, range = [0, 1] }: DatumSpec, levels: number): Coding {
  const [low, high] = range;
  const length = sizeOf(shape);
  return {
    vocabulary: levels,
    length,
    note: `on ${levels} levels`,
    initState: () => ({}),
    toTokens: (_state, x) => {
      const level = tf.round(tf.mul(tf.sub(x, low), (levels - 1) / (high - low)));
      return tf.reshape(tf.cast(tf.clipByValue(level, 0, levels - 1), "int32"), [x.shape[0] as number, length]);
    },
    toData: (_state, tokens) => {
      const value = tf.add(tf.mul(tf.cast(tokens, "float32"), (high - low) / (levels - 1)), low);
      return tf.reshape(value, [tokens.shape[0] as number, ...shape]);
    },
  };
}

/** Pixels that a palette is found from, and rounds of refinement. */
const PALETTE_PIXELS = 4096;
const PALETTE_ROUNDS = 12;

/** Every pixel is a token: the nearest of `colours`, which k-means finds in the first batch (Chen et al., "Image GPT", 2020, §3.2). */
function paletteCoding({ shape }: DatumSpec, colours: number): Coding {
  const [height, width, channels] = shape as [number, number, number];
  const pixelsOf = (x: Tensor) => tf.reshape(x, [-1, channels]);
  return {
    vocabulary: colours,
    length: height * width,
    note: `of images in ${colours} colours, not of their values`,
    initState: (x, key) => ({ palette: findPalette(pixelsOf(x), colours, key) }),
    toTokens: ({ palette }: { palette: Tensor }, x) =>
      tf.reshape(nearest(pixelsOf(x), palette), [x.shape[0] as number, height * width]),
    toData: ({ palette }: { palette: Tensor }, tokens) =>
      tf.reshape(tf.gather(palette, tokens as tf.Tensor2D), [tokens.shape[0] as number, ...shape]),
  };
}

/** Index of the nearest colour. @param pixels Shape `(N, C)`. @param palette Shape `(K, C)`. @returns int32, `(N,)`. */
function nearest(pixels: Tensor, palette: Tensor): Tensor {
  const norms = tf.sum(tf.square(palette), 1); // |p|^2 of a pixel is the same for all colours
  return tf.argMin(tf.sub(norms, tf.mul(tf.matMul(pixels, palette, false, true), 2)), 1);
}

/** Lloyd's algorithm; it begins with distinct-looking pixels, and a colour that nothing is nearest to stays as it is. */
function findPalette(pixels: Tensor, colours: number, key: Key): Tensor {
  const count = pixels.shape[0] as number;
  const used = tf.gather(pixels, tf.slice(permutation(key, count), [0], [Math.min(count, PALETTE_PIXELS)]));
  const size = used.shape[0] as number;
  const rows = tf.tensor1d(
    Array.from({ length: colours }, (_, i) => Math.floor((i * size) / colours)),
    "int32",
  );
  const byBrightness = tf.gather(used, tf.topk(tf.sum(used, 1) as tf.Tensor1D, size).indices as tf.Tensor1D);
  let palette: Tensor = tf.gather(byBrightness, rows);
  for (let round = 0; round < PALETTE_ROUNDS; round++) {
    const members = tf.oneHot(nearest(used, palette) as tf.Tensor1D, colours, 1, 0, "float32"); // (N, K)
    const counts = tf.expandDims(tf.sum(members, 0), 1);
    const means = tf.div(tf.matMul(members, used, true, false), tf.maximum(counts, 1));
    palette = tf.where(tf.greater(counts, 0), means, palette);
  }
  return palette;
}

/** Images as sequences. @throws UserError when the data have no levels. */
export function pixelTask(datum: DatumSpec, palette: number | "auto"): Task {
  const levels = datum.kind === "binary" ? 2 : datum.levels;
  if (palette !== "auto" && datum.shape.length !== 3)
    throw refuse(`palette is for images (height, width, channels), got data of shape [${datum.shape}]; leave it out`);
  if (levels === undefined)
    throw refuse(
      "data must be text, pairs or on levels (8-bit images, binary data), got continuous values; train a flow on them",
    );
  const coding = palette === "auto" ? levelCoding(datum, levels) : paletteCoding(datum, palette);
  const begin = coding.vocabulary;
  return {
    outputs: coding.vocabulary,
    vocabSize: coding.vocabulary + 1,
    length: coding.length,
    nKvHead: 1, // a step reads the keys of hundreds of pixels of every sample: with one head a quarter of the time and of the memory
    pad: 0,
    note: coding.note,
    initState: ({ x }, key) => coding.initState(x, key),
    sequences: (state, { x }) => {
      const tokens = coding.toTokens(state, x);
      return { inputs: shifted(tokens, begin), targets: tokens };
    },
    begin: (_state, _key, n) => tf.fill([n, 1], begin, "int32"),
    beginCounts: false,
    toData: coding.toData,
  };
}
