import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, temporaryFolder } from "../test/files.js";
import { cmudict } from "./cmudict.js";
import { firstNames } from "./first-names.js";
import { pairs } from "./pairs.js";
import { splitOfWord } from "./word-hash.js";

const folder = temporaryFolder();

/** Sources and targets of a split as text. */
function texts(
  data: Awaited<ReturnType<ReturnType<typeof pairs>["load"]>>,
  split: "train" | "test" | "valid" = "train",
) {
  const rows = data.splits[split];
  const size = rows?.size ?? 0;
  return Array.from({ length: size }, (_, i) => {
    const { x, target } = rows?.gather([i]) ?? {};
    return [
      data.tokenizer?.decode(x?.data ?? []),
      (data.targetTokenizer ?? data.tokenizer)?.decode(target?.data ?? []),
    ];
  });
}

describe("pairs", () => {
  const numbers = [
    "one\t1",
    "two\t2",
    "three\t3",
    "four\t4",
    "five\t5",
    "six\t6",
    "seven\t7",
    "eight\t8",
    "nine\t9",
    "ten\t10",
  ];

  it("are rows of one numbering, with an end and padding", async () => {
    const data = await pairs(put(folder, "a.tsv", numbers.join("\n")), { splitSeed: 0 }).load(0);
    expect(data.datum).toEqual({
      kind: "pairs",
      shape: [6],
      target: [3],
      vocabulary: 3 + 14 + 10,
      special: { pad: 0, bos: 1, eos: 2 },
    });
    expect([data.splits.train.size, data.splits.test.size]).toEqual([9, 1]);
    expect([...texts(data), ...texts(data, "test")].map((pair) => pair.join("\t")).sort()).toEqual([...numbers].sort());
    const { x, target } = data.splits.train.gather([0]);
    const [source, answer] = [Array.from(x?.data ?? []), Array.from(target?.data ?? [])];
    expect(source.slice(source.indexOf(2) + 1).every((id) => id === 0)).toBe(true);
    expect(answer.at(-1)).toBe(0);
    expect(Math.min(...answer.slice(0, 1))).toBeGreaterThanOrEqual(3 + 14);
    expect(data.tokens?.slice(0, 3)).toEqual(["<pad>", "<s>", "</s>"]);
  });

  it("with several right answers stay together; training sees each, the test split all", async () => {
    const lines = ["a\tx", "a\ty", "a\tx", "b\tz"].join("\n");
    for (const seed of [0, 1, 2, 3]) {
      const data = await pairs(put(folder, "several.tsv", lines), { splitSeed: seed, testFraction: 0.5 }).load(0);
      const sources = new Set(texts(data).map(([source]) => source));
      expect([...sources]).not.toContain(texts(data, "test")[0]?.[0]);
      const { references } = data.splits.test.gather([0]);
      if (sources.has("a")) expect(texts(data)).toHaveLength(2);
      else expect(references?.shape).toEqual([1, 2, 2]);
      expect(data.splits.train.fields.references).toBeUndefined();
    }
  });

  it("come from JSON lines and CSV too, by columns, and with a test file", async () => {
    const jsonl = put(
      folder,
      "a.jsonl",
      '{"id":1,"en":"dog","de":"der Hund"}\n\n{"id":2,"en":"cat","de":"die Katze"}\n',
    );
    const test = put(folder, "t.jsonl", '{"id":3,"en":"god","de":"der Kater"}');
    const data = await pairs(jsonl, { source: "en", target: "de", test }).load(0);
    expect(texts(data)).toEqual([
      ["dog", "der Hund"],
      ["cat", "die Katze"],
    ]);
    expect(texts(data, "test")).toEqual([["god", "der Kater"]]);
    const csv = put(folder, "a.csv", 'label,text\nspam,"buy, now"\nham,see you\nspam,buy buy\n');
    const classes = await pairs(csv, {
      source: "text",
      target: "label",
      sourceTokens: "words",
      targetTokens: "class",
      testFraction: 0.4,
      splitSeed: 1,
    }).load(0);
    expect([...texts(classes), ...texts(classes, "test")].map(([text, label]) => `${label}: ${text}`).sort()).toEqual([
      "ham: see you",
      "spam: buy buy",
      "spam: buy, now",
    ]);
    expect(classes.datum.target).toEqual([2]);
  });

  it("of byte pairs share one tokenizer, learned from the training pairs", async () => {
    const lines = Array.from({ length: 40 }, (_, i) => `number ${i}\tNummer ${i}`).join("\n");
    const data = await pairs(put(folder, "b.tsv", lines), { tokenizer: "bpe", vocab: 270, splitSeed: 0 }).load(0);
    expect(data.datum.vocabulary).toBe(270);
    expect(data.targetTokenizer).toBe(data.tokenizer);
    expect([...texts(data), ...texts(data, "test")].map((pair) => pair.join("\t")).sort()).toEqual(
      lines.split("\n").sort(),
    );
  });

  it("longer than asked for are left out, and the title says how many", async () => {
    const data = await pairs(put(folder, "a.tsv", numbers.join("\n")), {
      maxSource: 4,
      splitSeed: 0,
      testFraction: 0.3,
    }).load(0);
    expect(data.datum.shape).toEqual([5]);
    expect(data.title).toContain("3 pairs longer than 4");
    expect(data.splits.train.size + data.splits.test.size).toBe(7);
  });

  it.each([
    ["x.tsv", "", {}, "has no pairs"],
    ["x.tsv", "only\n", {}, "one column only"],
    ["x.tsv", "a\tb\nc\n", {}, "line 2 has 1 cells"],
    ["x.tsv", "a\tb\nc\t\n", {}, 'line 2, column "1" is empty'],
    ["x.tsv", "en\tde\na\tb\n", { source: "ne", target: "de" }, 'source "ne" is not a column'],
    ["x.tsv", "a\tb\n", {}, "at least 2 are needed"],
    ["x.jsonl", '{"source": "a"\n', {}, "line 1 is not JSON"],
    ["x.jsonl", "[1]\n", {}, "line 1 is not a JSON object"],
    ["x.jsonl", '{"source": "a", "target": null}', {}, "holds null, which is no text"],
    ["x.csv", '"a,b\n', {}, "not a well-formed CSV"],
    ["x.tsv", "abc\td\nefg\th\n", { maxSource: 2 }, "no pair of the"],
    ["x.tsv", "a\tb\nc\td\n", { targetTokens: "letters" }, "option targetTokens of pairs must not be"],
  ] as const)("refuse %s with %j", async (name, content, options, message) => {
    await expectRefusal(pairs(put(folder, name, content), options as object).load(0), message);
  });
});

describe("splitOfWord", () => {
  it("is decided by the sha256 of the word alone", () => {
    // python3 -c 'import hashlib; print([int.from_bytes(hashlib.sha256(w.encode()).digest()[:4], "big") / 2**32 for w in ["stubb", …]])'
    expect(["stubb", "nantucket", "whale", "ishmael"].map(splitOfWord)).toEqual(["valid", "valid", "train", "train"]);
    const counts = { train: 0, test: 0, valid: 0 };
    for (let i = 0; i < 20_000; i++) counts[splitOfWord(`word ${i}`)]++;
    expect(counts.test / 20_000).toBeCloseTo(0.1, 2);
    expect(counts.valid / 20_000).toBeCloseTo(0.02, 2);
  });
});

describe("cmudict", () => {
  it("is the dictionary, split by word", async () => {
    const data = await cmudict().load(0);
    expect(data.datum).toEqual({
      kind: "pairs",
      shape: [21],
      target: [21],
      vocabulary: 3 + 29 + 39,
      special: { pad: 0, bos: 1, eos: 2 },
    });
    expect([data.splits.train.size, data.splits.test.size, data.splits.valid?.size]).toEqual([118_654, 12_583, 2577]);
    const [word, phonemes] = texts(data, "valid")[0] as [string, string];
    expect(splitOfWord(word)).toBe("valid");
    expect(phonemes).toMatch(/^[A-Z ]+$/);
    const words = allWords(data, "test");
    for (const trained of allWords(data, "train")) expect(words.has(trained)).toBe(false);
    expect(data.tokens?.slice(-3)).toEqual(["Y", "Z", "ZH"]);
  });

  it("keeps stress when asked for", async () => {
    const data = await cmudict({ stress: true }).load(0);
    expect(data.datum.vocabulary).toBe(3 + 29 + 69);
  });
});

/** The sources of a split as their rows. */
function allWords(data: Awaited<ReturnType<ReturnType<typeof cmudict>["load"]>>, split: "train" | "test"): Set<string> {
  const { size, gather } = data.splits[split];
  const ids = allOf({ size, gather: (indices) => ({ x: gather(indices).x ?? { data: [] } }) });
  const length = ids.length / size;
  return new Set(Array.from({ length: size }, (_, i) => ids.slice(i * length, (i + 1) * length).join()));
}

describe("first-names", () => {
  it("leaves out names of both lists, or keeps them twice in one split", async () => {
    const data = await firstNames().load(0);
    expect([data.splits.train.size, data.splits.test.size, data.splits.valid?.size]).toEqual([7025, 819, 159]);
    expect(data.title).toContain("419 names of both left out");
    const names = [...texts(data, "test"), ...texts(data, "valid")];
    expect(names.every(([, gender]) => gender === "female" || gender === "male")).toBe(true);
    expect(new Set(names.map(([name]) => name)).size).toBe(names.length);
    const both = await firstNames({ shared: "both" }).load(0);
    expect(both.splits.train.size + both.splits.test.size + (both.splits.valid?.size ?? 0)).toBe(
      7025 + 819 + 159 + 2 * 419,
    );
  });
});
