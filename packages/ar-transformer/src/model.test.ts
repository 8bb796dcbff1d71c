import { type DatumSpec, flatten, hostKey, type Key, mapTree, normal } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { gptReference } from "../test/reference.js";
import { arTransformerConfig } from "./config.js";
import { createArTransformer } from "./model.js";
import { sinusoids } from "./networks/positions.js";
import { textTask } from "./tasks/text.js";
import { wireTransformer } from "./transformer.js";

const key = (name: string): Key => tf.tensor1d([...hostKey(0, name)], "int32");
const text: DatumSpec = { kind: "tokens", shape: [7], vocabulary: 9, context: 1 };
const pairs: DatumSpec = { kind: "pairs", shape: [4], target: [3], vocabulary: 8, special: { pad: 0, bos: 1, eos: 2 } };
const TINY = { nLayer: 2, nHead: 4, nEmbd: 16 };
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const create = (datum: DatumSpec, options: object) =>
  createArTransformer(arTransformerConfig.parse({ ...TINY, ...options }), datum);

/** Weights large enough that every part of the network matters. */
function shaken<T>(params: T): T {
  return mapTree(params as never, (x: tf.Tensor, path) => tf.add(x, tf.mul(normal(key(path), x.shape), 0.3))) as T;
}

describe("a decoder-only network", () => {
  it.each([
    ["GPT-2", {}],
    ["GPT without biases", { bias: false }],
    ["the modern block with grouped queries", { block: "modern", nKvHead: 2 }],
  ])("%s is what the papers say, in float64", (_name, options) => {
    const { network, architecture } = wireTransformer(arTransformerConfig.parse({ ...TINY, ...options }), text);
    const params = shaken(network.init(key("init")));
    const leaves = new Map(flatten<tf.Tensor>(params));
    const tokens = [3, 1, 8, 0, 5, 5];
    const inputs = tf.tensor2d([tokens], [1, 6], "int32");
    const ours = network.logits(params, { inputs, targets: inputs }).arraySync() as number[][][];
    const expected = gptReference(architecture, (path) => leaves.get(path)?.arraySync(), tokens);
    const errors = expected.flatMap((row, t) => row.map((v, i) => Math.abs(v - (ours[0]?.[t]?.[i] as number))));
    expect(Math.max(...errors)).toBeLessThan(2e-4);
    expect(Math.max(...expected.flat())).toBeGreaterThan(1);
  });

  it("GPT-2 has the parameters of its file, by name and shape", () => {
    const { network } = wireTransformer(arTransformerConfig.parse({ ...TINY, nLayer: 1 }), text);
    const shapes = Object.fromEntries(
      flatten<tf.Tensor>(network.init(key("init"))).map(([path, { shape }]) => [path, shape]),
    );
    expect(shapes).toEqual({
      "transformer.wte.weight": [9, 16],
      "transformer.wpe.weight": [6, 16],
      "transformer.h.0.ln_1.weight": [16],
      "transformer.h.0.ln_1.bias": [16],
      "transformer.h.0.attn.c_attn.weight": [16, 48],
      "transformer.h.0.attn.c_attn.bias": [48],
      "transformer.h.0.attn.c_proj.weight": [16, 16],
      "transformer.h.0.attn.c_proj.bias": [16],
      "transformer.h.0.ln_2.weight": [16],
      "transformer.h.0.ln_2.bias": [16],
      "transformer.h.0.mlp.c_fc.weight": [16, 64],
      "transformer.h.0.mlp.c_fc.bias": [64],
      "transformer.h.0.mlp.c_proj.weight": [64, 16],
      "transformer.h.0.mlp.c_proj.bias": [16],
      "transformer.ln_f.weight": [16],
      "transformer.ln_f.bias": [16],
    });
  });

  it("the presets have the published sizes", () => {
    const size = (preset: string, length: number, vocabulary: number) => {
      const datum = { ...text, shape: [length + 1], vocabulary };
      const { nLayer, nEmbd, feedForward } = wireTransformer(arTransformerConfig.parse({ preset }), datum).architecture;
      const layer = 4 * nEmbd ** 2 + 4 * nEmbd + 2 * nEmbd * feedForward + feedForward + nEmbd + 4 * nEmbd;
      return vocabulary * nEmbd + length * nEmbd + nLayer * layer + 2 * nEmbd;
    };
    expect(size("gpt2", 1024, 50257)).toBe(124_439_808);
    expect(size("gpt2-medium", 1024, 50257)).toBe(354_823_168);
    const { architecture } = wireTransformer(arTransformerConfig.parse({ preset: "transformer-base" }), pairs);
    expect(architecture).toMatchObject({
      ...{ nLayer: 6, nHead: 8, nEmbd: 512, feedForward: 2048, headDim: 64 },
      ...{
        positions: "sinusoidal",
        placement: "post",
        activation: "relu",
        tied: true,
        dropout: 0.1,
        labelSmoothing: 0.1,
      },
    });
    expect(
      create(pairs, { preset: "transformer-base", nLayer: "auto", nHead: "auto", nEmbd: "auto" }).training,
    ).toMatchObject({
      optimizer: { schedule: "noam", modelWidth: 512, warmup: 4000, beta2: 0.98, epsilon: 1e-9 },
    });
  });
});

describe("kernels begin", () => {
  const spread = (datum: DatumSpec, options: object, path: string) => {
    const { network } = wireTransformer(arTransformerConfig.parse(options), datum);
    const kernel = new Map(flatten<tf.Tensor>(network.init(key("init")))).get(path) as tf.Tensor;
    return numbers(tf.sqrt(tf.mean(tf.square(kernel))))[0] as number;
  };

  it("as wide as their inputs ask: GPT-2's 0.02 is for its width", () => {
    const initStd = (datum: DatumSpec, options: object) =>
      wireTransformer(arTransformerConfig.parse(options), datum).architecture.initStd;
    expect(initStd(text, { preset: "gpt2-xl" })).toBe(0.02);
    expect(initStd(text, { preset: "gpt2" })).toBe(0.02);
    expect(initStd(text, { preset: "nano" })).toBeCloseTo(0.049, 4);
    expect(initStd(pairs, { preset: "transformer-base" })).toBeCloseTo(512 ** -0.5, 6);
  });

  it("smaller where residual branches end, but not in post-norm", () => {
    const nano = { nLayer: 2, nHead: 4, nEmbd: 128, initStd: 0.1 };
    expect(spread(text, nano, "transformer.h.0.attn.c_attn.weight")).toBeCloseTo(0.1, 3);
    expect(spread(text, nano, "transformer.h.1.attn.c_proj.weight")).toBeCloseTo(0.05, 3);
    expect(spread(pairs, nano, "decoder.h.1.attn.c_proj.weight")).toBeCloseTo(0.1, 3);
  });
});

describe("sinusoids", () => {
  it("are the paper's, interleaved, or all sines before all cosines", () => {
    const angle = (position: number, i: number) => position / 10000 ** ((2 * i) / 6);
    const interleaved = sinusoids(3, 6, true).arraySync() as number[][];
    expect(interleaved[2]).toEqual(
      [0, 1, 2].flatMap((i) => [Math.sin(angle(2, i)), Math.cos(angle(2, i))]).map((v) => expect.closeTo(v, 6)),
    );
    const concatenated = sinusoids(3, 6, false).arraySync() as number[][];
    expect(concatenated[2]).toEqual(
      [Math.sin, Math.cos].flatMap((f) => [0, 1, 2].map((i) => expect.closeTo(f(angle(2, i)), 6))),
    );
  });
});

describe("an encoder-decoder", () => {
  const { network } = wireTransformer(arTransformerConfig.parse({ ...TINY, dropout: 0 }), pairs);
  const params = shaken(network.init(key("init")));
  const logits = (source: number[], inputs: number[]) =>
    numbers(
      network.logits(params, {
        source: tf.tensor2d([source], [1, source.length], "int32"),
        inputs: tf.tensor2d([inputs], [1, inputs.length], "int32"),
        targets: tf.tensor2d([inputs], [1, inputs.length], "int32"),
      }),
    );

  it("does not see the source's padding, nor later targets; it sees the rest of the source", () => {
    const one = logits([5, 6, 2, 0], [1, 4, 7]);
    expect(logits([5, 6, 2], [1, 4, 7])).toEqual(one.map((v) => expect.closeTo(v, 4)));
    expect(logits([5, 6, 2, 0], [1, 4, 3]).slice(0, 16)).toEqual(one.slice(0, 16));
    expect(logits([5, 7, 2, 0], [1, 4, 7])[0]).not.toBeCloseTo(one[0] as number, 3);
  });

  it("counts targets up to their end only", () => {
    const model = create(pairs, { dropout: 0, labelSmoothing: 0 });
    const batch = (target: number[]) => ({
      x: tf.tensor2d([[5, 6, 2, 0]], [1, 4], "int32"),
      target: tf.tensor2d([target], [1, 3], "int32"),
    });
    const loss = (target: number[]) => numbers(model.logProb?.(params, {}, batch(target)) as tf.Tensor)[0] as number;
    const p = tf.logSoftmax(tf.tensor2d(logits([5, 6, 2, 0], [1, 4, 2]), [3, 8])).arraySync() as number[][];
    expect(loss([4, 2, 0])).toBeCloseTo((p[0]?.[4] as number) + (p[1]?.[2] as number), 4);
  });
});

describe("likelihoods", () => {
  it("of all images of two pixels add up to 1", () => {
    const model = create({ kind: "continuous", shape: [1, 2, 1], range: [0, 1], levels: 3 }, {});
    const levels = [0, 0.5, 1];
    const all = levels.flatMap((a) => levels.map((b) => [a, b])).flat();
    const params = shaken(model.init(key("init"), { x: tf.zeros([1, 1, 2, 1]) }).params);
    const logP = model.logProb?.(params, {}, { x: tf.tensor(all, [9, 1, 2, 1]) }) as tf.Tensor;
    expect(numbers(tf.sum(tf.exp(logP)))[0]).toBeCloseTo(1, 5);
  });

  it("of images in a palette: as many colours as there are cost nothing", () => {
    const model = create({ kind: "continuous", shape: [2, 2, 3], range: [0, 1], levels: 256 }, { palette: 4 });
    const colours = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0.2, 0.3, 1];
    const x = tf.tensor(Array.from({ length: 8 }, () => colours).flat(), [8, 2, 2, 3]);
    const { state } = model.init(key("init"), { x });
    const sorted = (values: number[][]) => values.map((row) => row.map((v) => v.toFixed(4)).join()).sort();
    expect(sorted(state.palette.arraySync())).toEqual(sorted(tf.tensor2d(colours, [4, 3]).arraySync()));
  });

  it("of windows are about all tokens but the first, of other sequences about all", () => {
    const sequences = textTask(text).sequences({}, { x: tf.tensor2d([[1, 2, 3, 4, 5, 6, 7]], [1, 7], "int32") });
    expect(numbers(sequences.inputs)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(numbers(sequences.targets)).toEqual([2, 3, 4, 5, 6, 7]);
    const task = textTask({ kind: "tokens", shape: [3], vocabulary: 9, special: { eos: 8, pad: 0 } });
    const own = task.sequences({}, { x: tf.tensor2d([[5, 8, 0]], [1, 3], "int32") });
    expect([numbers(own.inputs), numbers(own.weights as tf.Tensor)]).toEqual([
      [9, 5, 8],
      [1, 1, 0],
    ]);
  });
});

describe("refuses in one line", () => {
  const refused = (datum: DatumSpec, options: object) => () => create(datum, options);
  it.each<[string, DatumSpec, object, RegExp]>([
    ["heads that do not divide the width", text, { nHead: 3 }, /nHead must divide nEmbd 16, got 3/],
    ["groups that do not divide the heads", text, { nKvHead: 3 }, /nKvHead must divide nHead 4, got 3/],
    [
      "a network that cannot read the data",
      text,
      { network: "encoder-decoder" },
      /network must not be "encoder-decoder"/,
    ],
    ["a block shorter than the data's", text, { blockSize: 3 }, /blockSize must be at least 6, .* got 3/],
    ["two dials", text, { depth: 2, preset: "gpt2" }, /depth and preset both say/],
    ["continuous values", { kind: "continuous", shape: [2] }, {}, /must be text, pairs or on levels/],
    ["a palette of vectors", { kind: "binary", shape: [4] }, { palette: 3 }, /palette is for images/],
    ["pairs without ids", { ...pairs, special: {} }, {}, /ids for pad, bos and eos/],
  ])("%s", (_name, datum, options, message) => {
    expect(refused(datum, options)).toThrow(message);
    expect(refused(datum, options)).toThrow(/^@latentkit\/ar-transformer: /);
  });
});
