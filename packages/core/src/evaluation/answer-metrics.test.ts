import { eager, hostTensor } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import type { Dataset, Split } from "../data.js";
import { Evaluator } from "../evaluator.js";
import type { GenerativeModel } from "../model.js";
import { modelSpecs } from "../model-specs.js";
import { Session } from "../session.js";
import { pieces } from "../tokenizer/index.js";

const special = { pad: 0, bos: 1, eos: 2 };
const tokenizer = pieces("word", {
  tokens: ["the", "cat", "sat", "on", "mat", "dog"],
  special: ["<pad>", "<s>", "</s>"],
});
const LENGTH = 7;

/** A padded row of a text. */
function row(text: string): number[] {
  const ids = text === "" ? [] : [...tokenizer.encode(text), special.eos];
  return [...ids, ...new Array<number>(LENGTH - ids.length).fill(special.pad)];
}

/** What the model answers (it copies its source), and the right answers. */
const CASES = [
  ["the cat sat", ["the cat sat"]],
  ["the cat sat", ["the dog sat", "the cat"]],
  ["the dog sat on the mat", ["the cat sat on the mat"]],
  ["mat", ["dog"]],
] as const;

const test: Split = {
  size: CASES.length,
  fields: {
    x: { shape: [LENGTH], dtype: "int32" },
    target: { shape: [LENGTH], dtype: "int32" },
    references: { shape: [2, LENGTH], dtype: "int32" },
  },
  gather(indices) {
    const cases = Array.from(indices, (i) => CASES[i] as (typeof CASES)[number]);
    const n = cases.length;
    return {
      x: hostTensor(
        cases.flatMap(([answer]) => row(answer)),
        [n, LENGTH],
        "int32",
      ),
      target: hostTensor(
        cases.flatMap(([, [first]]) => row(first)),
        [n, LENGTH],
        "int32",
      ),
      references: hostTensor(
        cases.flatMap(([, [first, second = ""]]: any) => [...row(first), ...row(second)]),
        [n, 2, LENGTH],
        "int32",
      ),
    };
  },
};

const pairs: Dataset = {
  name: "copies",
  title: "answers that are known",
  datum: { kind: "pairs", shape: [LENGTH], target: [LENGTH], vocabulary: 9, special },
  licence: "none",
  source: "this file",
  files: {},
  tokenizer,
  targetNouns: { token: "phoneme", whole: "word" },
  splits: { train: test, test },
};

/** Answers with the source; `-log p` is one bit a token. */
function copier(dataset: Dataset, answers: boolean): GenerativeModel {
  return {
    datum: dataset.datum,
    init: () => ({ params: { w: tf.zeros([1]) }, state: {} }),
    objectives: [],
    sampling: () => ({ steps: 0, start: () => ({}), finish: () => tf.zeros([1]) }),
    logProb: (_params, _state, { x }) =>
      tf.fill([x.shape[0] as number], -Math.LN2 * ((x.shape[1] as number) - (dataset.datum.context ?? 0))),
    ...(answers
      ? {
          answers: {
            steps: 1,
            start: (_p: any, _s: any, { x }: any) => ({ x }),
            step: (_p: any, _s: any, carry: any) => carry,
            finish: (_p: any, _s: any, { x }: any) => x,
          },
        }
      : {}),
  };
}

function sessionOf(dataset: Dataset, answers = true): Session {
  const model = copier(dataset, answers);
  const engine = eager();
  const store = engine.createStore();
  return new Session(model, engine, store, modelSpecs(model, dataset.splits.test, 4), "params");
}

async function evaluate(dataset: Dataset, names: readonly string[]) {
  const session = sessionOf(dataset);
  await session.store.write([["params.w", hostTensor([0], [1])]]);
  return new Evaluator().evaluate({ session, dataset, split: dataset.splits.test, seed: 0 }, names);
}

describe("metrics of answers", () => {
  it("compare with the nearest reference", async () => {
    const results = await evaluate(pairs, ["tokenErrorRate", "exactMatchError", "wordErrorRate", "bleu"]);
    // Edits 0, 1, 1, 1 of 3, 3, 6, 1 tokens: the second answer is as near to both of its references, the first counts.
    expect(results.tokenErrorRate).toMatchObject({
      n: 4,
      unit: "%",
      note: "phoneme error rate, by the nearest reference",
    });
    expect(results.tokenErrorRate?.value).toBeCloseTo(300 / 13, 9);
    expect(results.wordErrorRate?.value).toBeCloseTo(300 / 13, 9);
    expect(results.exactMatchError).toMatchObject({ value: 75, note: "word error rate, by the nearest reference" });
    expect(results.exactMatchError?.stderr).toBeCloseTo(100 * Math.sqrt((0.75 * 0.25) / 3), 9);
    expect(results.bleu?.value).toBeGreaterThan(0);
  });

  it("do not apply to a model without answers, or to other data", () => {
    const known = (dataset: Dataset, answers: boolean) =>
      new Evaluator()
        .available(copier(dataset, answers), dataset)
        .find(({ metric }) => metric.name === "tokenErrorRate")?.refusal;
    expect(known(pairs, true)).toBeUndefined();
    expect(known(pairs, false)).toMatch(/no answers/);
    expect(known({ ...pairs, datum: { kind: "tokens", shape: [7], vocabulary: 9 } }, true)).toMatch(/not pairs/);
  });
});

describe("bits of text", () => {
  it("are counted for every character and byte that is predicted", async () => {
    const characters = pieces("character", { tokens: ["a", "é", "🐳"] });
    const ids = [0, 0, 1, 2, 2]; // the first is given: a é 🐳 🐳 are 4 characters and 11 bytes
    const split: Split = {
      size: 2,
      fields: { x: { shape: [5], dtype: "int32" } },
      gather: (indices) => ({ x: hostTensor(Array.from(indices, () => ids).flat(), [indices.length, 5], "int32") }),
    };
    const text: Dataset = {
      ...pairs,
      datum: { kind: "tokens", shape: [5], vocabulary: 3, context: 1 },
      tokenizer: characters,
      splits: { train: split, test: split },
    };
    const { bitsPerCharacter, bitsPerByte } = await evaluate(text, ["bitsPerCharacter", "bitsPerByte"]);
    expect(bitsPerCharacter?.value).toBeCloseTo(1, 6);
    expect(bitsPerByte?.value).toBeCloseTo(4 / 11, 6);
    expect(bitsPerByte).toMatchObject({ unit: "bits/byte", n: 2 });
  });
});
