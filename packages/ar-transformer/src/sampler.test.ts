import {
  type DatumSpec,
  fold,
  type GenerativeModel,
  hostKey,
  hostTensor,
  type Key,
  mapTree,
  normal,
} from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { arTransformerConfig } from "./config.js";
import { createArTransformer } from "./model.js";
import { wireTransformer } from "./transformer.js";

const key = (name: string): Key => tf.tensor1d([...hostKey(0, name)], "int32");
const TINY = arTransformerConfig.parse({ nLayer: 1, nHead: 2, nEmbd: 8 });
const text: DatumSpec = { kind: "tokens", shape: [9], vocabulary: 6, context: 1 };
const pairs: DatumSpec = { kind: "pairs", shape: [3], target: [4], vocabulary: 7, special: { pad: 0, bos: 1, eos: 2 } };

/** A model with weights of its own, used on the eager backend. */
function wired(datum: DatumSpec, seed = "weights") {
  const model = createArTransformer(TINY, datum);
  const transformer = wireTransformer(TINY, datum);
  const drawn = transformer.network.init(key(seed));
  const params = mapTree(drawn, (x: tf.Tensor, path) => tf.add(x, tf.mul(normal(fold(key(seed), path), x.shape), 0.7)));
  return { model, params: params as any, network: transformer.network };
}

/** Runs a sampler as a session does. */
function run(
  { model, params }: { model: GenerativeModel; params: any },
  { n = 1, options = {}, seed = 0, state = {}, ...given }: Record<string, any> = {},
): number[][] {
  const tensors = Object.fromEntries(
    Object.entries(given).map(([name, rows]) => [name, tf.tensor2d(rows as number[][], undefined, "int32")]),
  );
  const sampling = model.sampling({ n, options, inputs: tensors as never });
  let carry = sampling.start(params, state, fold(key("run"), seed), { n, options, inputs: tensors });
  for (let i = 0; i < sampling.steps; i++) {
    const at = tf.scalar(i, "int32");
    carry = sampling.growth?.find((growth) => growth.at === i)?.grow(carry) ?? carry;
    if (sampling.refresh?.due(i)) carry = sampling.refresh.step(params, state, carry, at, key("refresh"));
    carry = sampling.step?.(params, state, carry, at, fold(key("run"), seed, "step", i));
    if (sampling.done?.(carry).dataSync()[0]) break;
  }
  return sampling.finish(params, state, carry).arraySync() as number[][];
}

/** Logits of the token after some tokens, by a pass over all of them. */
function nextLogits({ network, params }: ReturnType<typeof wired>, tokens: number[], source?: number[]): number[] {
  const inputs = tf.tensor2d([tokens], [1, tokens.length], "int32");
  const more = source === undefined ? {} : { source: tf.tensor2d([source], [1, source.length], "int32") };
  const logits = network.logits(params, { inputs, targets: inputs, ...more }).arraySync() as number[][][];
  return logits[0]?.at(-1) as number[];
}

const argmax = (row: number[]) => row.indexOf(Math.max(...row));

describe("generation of text", () => {
  const own = wired(text);

  it("greedy takes the best token after all before it, in a batch of prompts of different length", () => {
    const sampled = run(own, {
      n: 2,
      prompt: [
        [3, 1, 4],
        [-1, -1, 5],
      ],
      options: { temperature: 0, maxNewTokens: 4 },
    });
    for (const [row, prompt] of [
      [sampled[0], [3, 1, 4]],
      [sampled[1]?.slice(2), [5]],
    ] as [number[], number[]][]) {
      const expected = [...prompt];
      for (let i = 0; i < 4; i++) expected.push(argmax(nextLogits(own, expected)));
      expect(row).toEqual(expected);
    }
  });

  it("one prompt is read once for n samples; they differ, and the same seed gives the same", () => {
    const request = { n: 6, prompt: [[3, 1]], options: { maxNewTokens: 6 } };
    const sampled = run(own, request);
    expect(sampled.every((row) => row.length === 8 && row[0] === 3 && row[1] === 1)).toBe(true);
    expect(new Set(sampled.map(String)).size).toBeGreaterThan(3);
    expect(run(own, request)).toEqual(sampled);
    expect(run(own, { ...request, seed: 1 })).not.toEqual(sampled);
  });

  it("draws tokens with the probabilities of the model", () => {
    const n = 250;
    const p = tf.softmax(tf.tensor1d(nextLogits(own, [3, 1]))).arraySync() as number[];
    const drawn = [0, 1, 2, 3].flatMap((seed) => run(own, { n, seed, prompt: [[3, 1]], options: { maxNewTokens: 1 } }));
    const counts = p.map((_, id) => drawn.filter((row) => row[2] === id).length);
    const chi2 = p.reduce((sum, q, id) => sum + ((counts[id] as number) - 4 * n * q) ** 2 / (4 * n * q), 0);
    expect(chi2).toBeLessThan(25.7); // 5 degrees of freedom, p = 1e-4
  });

  it("without a prompt begins with a token that a window of the first batch began with", () => {
    const state = { begins: tf.tensor2d([[2], [4]], [2, 1], "int32") };
    const sampled = run(own, { n: 8, state });
    expect(sampled.map((row) => row.length)).toEqual(Array.from({ length: 8 }, () => 9));
    expect(new Set(sampled.map(([first]) => first))).toEqual(new Set([2, 4]));
  });

  it("a cache grows with a long text: token by token it is what one pass over the whole text says", () => {
    const long = wired({ ...text, shape: [301] });
    const prompt = [3, 1, 4];
    for (const options of [{}, { beams: 2 }]) {
      const sampling = long.model.sampling({
        n: 1,
        options: { ...options, maxNewTokens: 290 },
        inputs: { prompt: { shape: [1, 3], dtype: "int32" } },
      });
      expect(sampling.growth?.map(({ at }) => at)).toEqual([157]); // 3 + 290 columns: room for 160, then for all
    }
    const greedy = run(long, { prompt: [prompt], options: { temperature: 0, maxNewTokens: 290 } })[0] as number[];
    const tokens = tf.tensor2d([greedy], [1, 293], "int32");
    const logits = long.network.logits(long.params, { inputs: tokens, targets: tokens });
    const best = (tf.argMax(logits, 2).arraySync() as number[][])[0] as number[];
    expect(greedy.slice(3)).toEqual(best.slice(2, -1));
    expect(new Set(greedy.slice(3)).size).toBeGreaterThan(1);
  });

  it("past the window forgets its older half and goes on with the newer half at positions from 0", () => {
    const sampled = run(own, { prompt: [[3, 1, 4]], options: { temperature: 0, maxNewTokens: 14 } })[0] as number[];
    const expected = [3, 1, 4];
    let first = 0;
    while (expected.length < 17) {
      expected.push(argmax(nextLogits(own, expected.slice(first))));
      if (expected.length - first === 9) first = expected.length - 1 - 4; // 8 positions are full before the ninth is read: 4 stay
    }
    expect(sampled).toEqual(expected);
  });

  it("a stop id ends a row; the repetition penalty is about the tokens of prompt and answer", () => {
    const free = run(own, { prompt: [[3, 1, 4]], options: { temperature: 0, maxNewTokens: 4 } })[0] as number[];
    const stopped = run(own, {
      prompt: [[3, 1, 4]],
      options: { temperature: 0, maxNewTokens: 4, stopIds: [free[3]] },
    })[0] as number[];
    expect(stopped).toEqual([...free.slice(0, 4), 0, 0, 0]);
    const options = { temperature: 0, maxNewTokens: 4, repetitionPenalty: 3 };
    const expected = [0, 1];
    for (let i = 0; i < 4; i++) {
      const punished = nextLogits(own, expected).map((v, id) => (expected.includes(id) ? (v > 0 ? v / 3 : v * 3) : v));
      expected.push(argmax(punished));
    }
    expect(run(own, { prompt: [[-1, 0, 1]], options })).toEqual([[0, ...expected]]);
  });
});

describe("generation of targets", () => {
  const own = wired(pairs, "pairs");
  const source = [5, 3, 2];

  it("greedy reads the source once and ends at the end token", () => {
    const [sampled] = run(own, { source: [source], options: { temperature: 0 } });
    const expected: number[] = [];
    while (expected.length < 4 && expected.at(-1) !== 2)
      expected.push(argmax(nextLogits(own, [1, ...expected], source)));
    while (expected.length < 4) expected.push(0);
    expect(sampled).toEqual(expected);
  });

  it("a beam as wide as there are sequences finds the most probable one; greedy need not", () => {
    const logP = (tokens: number[]) => {
      let sum = 0;
      for (const [i, id] of tokens.entries()) {
        const row = tf
          .logSoftmax(tf.tensor1d(nextLogits(own, [1, ...tokens.slice(0, i)], source)))
          .arraySync() as number[];
        sum += row[id] as number;
      }
      return sum;
    };
    let best = { score: Number.NEGATIVE_INFINITY, tokens: [] as number[] };
    const look = (tokens: number[]) => {
      const isEnded = tokens.at(-1) === 2;
      if (isEnded || tokens.length === 2) {
        const score = logP(tokens) / ((5 + tokens.length) / 6) ** 0.6;
        if (score > best.score) best = { score, tokens };
        if (isEnded) return;
      }
      if (tokens.length < 2) for (let id = 0; id < 7; id++) look([...tokens, id]);
    };
    look([]);
    const [found] = run(own, { source: [source], options: { beams: 7, maxNewTokens: 2 } });
    expect(found).toEqual([...best.tokens, 0].slice(0, 2));
  });

  it("several sources with several answers each", () => {
    const sampled = run(own, { n: 4, source: [source, [4, 2, 0]], options: { temperature: 0 } });
    expect(sampled[0]).toEqual(sampled[1]);
    expect(sampled[2]).toEqual(run(own, { source: [[4, 2, 0]], options: { temperature: 0 } })[0]);
  });
});

describe("refuses in one line", () => {
  const { model } = wired(text);
  const prompt = (shape: number[]) => ({ prompt: { shape, dtype: "int32" as const } });
  it.each<[string, object, object, RegExp]>([
    ["an empty prompt", {}, prompt([1, 0]), /the prompt is empty/],
    ["a prompt longer than the window", {}, prompt([1, 9]), /prompt of 9 tokens is longer than blockSize 8/],
    ["more than the window, when asked to", { overflow: "refuse" }, prompt([1, 2]), /^$|need/],
    ["a beam wider than the vocabulary", { beams: 7 }, {}, /beams must be at most the vocabulary of 6 tokens, got 7/],
    ["a top-p of 0", { topP: 0 }, {}, /topP: .*got 0/],
    ["a negative temperature", { temperature: -1 }, {}, /temperature: .*got -1/],
    ["a top-k above the vocabulary", { topK: 7 }, {}, /topK must be at most the vocabulary of 6 tokens, got 7/],
    ["a stop id outside the vocabulary", { stopIds: [6] }, {}, /stopIds: token id 6 is outside/],
    ["a penalty with beams", { beams: 2, repetitionPenalty: 2 }, {}, /repetitionPenalty must be 1 with beams/],
  ])("%s", (_name, options, inputs, message) => {
    const more = message.source.startsWith("^$") ? { maxNewTokens: 8 } : {};
    expect(() => model.sampling({ n: 1, options: { ...options, ...more }, inputs: inputs as never })).toThrow(message);
  });

  it("ids outside the vocabulary, and padding that is not at the left", () => {
    const check =
      (...ids: number[]) =>
      () =>
        model.checkInputs?.({ prompt: hostTensor(ids, [1, ids.length], "int32") });
    expect(check(1, 6)).toThrow(/prompt: token id 6 is outside the vocabulary of 6 tokens \(0 to 5\)/);
    expect(check(-2)).toThrow(/token id -2/);
    expect(check(1, -1, 2)).toThrow(/padding \(-1\) must stand at the left/);
    expect(check(-1, -1)).toThrow(/row 0 holds no token/);
    expect(check(-1, 1)).not.toThrow();
  });
});
