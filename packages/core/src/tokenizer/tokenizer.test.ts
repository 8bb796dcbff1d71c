import { describe, expect, it } from "vitest";
import fixture from "../../test/fixtures/bpe.json" with { type: "json" };
import { BYTE_CHARACTERS, splitWords, toByteCharacters } from "./byte-level.js";
import { pieces } from "./piece-tokenizer.js";
import { createTokenizer } from "./tokenizer.js";
import {
  type BpeModelJson,
  parseTokenizerJson,
  respellMerges,
  type TokenizerJson,
  tokensOf,
} from "./tokenizer-json.js";
import { trainBpe } from "./train-bpe.js";

const learned = trainBpe(fixture.text, { vocabSize: fixture.vocabSize, special: fixture.special });
const json = (model: object, rest: object = {}) => JSON.stringify({ model, ...rest });

describe("byte-level byte pairs", () => {
  it("learns what Hugging Face's trainer learns from the same text", () => {
    expect((learned.model as BpeModelJson).merges).toEqual(fixture.merges);
    expect(learned.model.vocab).toEqual(fixture.vocab);
  });

  it.each(fixture.samples)("encodes $text as it does, and back", async ({ text, ids }) => {
    const tokenizer = await createTokenizer(learned);
    expect(Array.from(tokenizer.encode(text))).toEqual(ids);
    expect(tokenizer.decode(ids)).toBe(text.replace("<|endoftext|>", ""));
    const bytes = ids.flatMap((id) => [...tokenizer.bytes(id)]);
    expect(bytes).toEqual([...new TextEncoder().encode(text.replace("<|endoftext|>", ""))]);
  });

  it("spells every byte as GPT-2 does, so that any text can be encoded", () => {
    expect(BYTE_CHARACTERS.slice(0x20, 0x24)).toEqual(["Ġ", "!", '"', "#"]);
    expect([BYTE_CHARACTERS[0], BYTE_CHARACTERS[10], BYTE_CHARACTERS[0xad], new Set(BYTE_CHARACTERS).size]).toEqual([
      "Ā",
      "Ċ",
      "Ń",
      256,
    ]);
    expect(toByteCharacters(" é")).toBe("ĠÃ©");
    expect(splitWords("it's 3 o'clock,\n now  !").join("|")).toBe("it|'s| 3| o|'|clock|,|\n| now| | !");
  });

  it("refuses a vocabulary without room for the bytes, or more merges than the text has", () => {
    expect(() => trainBpe("abc", { vocabSize: 255 })).toThrow(/at least 256 tokens .*got 255/);
    expect(() => trainBpe("ab ab", { vocabSize: 300 })).toThrow(/only 258 tokens to learn, 300 were asked for/);
  });
});

describe("tokenizer.json", () => {
  it("reads and writes both spellings of merges", async () => {
    const strings = respellMerges(learned, "strings");
    expect((strings.model as BpeModelJson).merges[0]).toBe(fixture.merges[0]?.join(" "));
    expect(respellMerges(strings, "pairs")).toEqual(learned);
    const read = await createTokenizer(parseTokenizerJson(JSON.stringify(strings)));
    expect(Array.from(read.encode(fixture.samples[0]?.text ?? ""))).toEqual(fixture.samples[0]?.ids);
  });

  it("refuses to spell a blank inside a token as if it parted two", () => {
    const odd = {
      model: { type: "BPE", vocab: { "a b": 0, c: 1, "a bc": 2 }, merges: [["a b", "c"]] },
    } as TokenizerJson;
    expect(() => respellMerges(odd, "strings")).toThrow(/holds a blank/);
  });

  it.each([
    ["nonsense", /t\.json is not a tokenizer that can be read: it is not JSON/],
    ["[]", /no "model"/],
    [json({ type: "BPE", merges: [] }), /no "vocab"/],
    [json({ type: "BPE", vocab: { a: 0 } }), /without "merges"/],
    [json({ type: "BPE", vocab: { a: 0 }, merges: [["a"]] }), /merge 0 is \["a"\], neither "a b" nor \["a","b"\]/],
    [json({ type: "BPE", vocab: { a: 0 }, merges: ["ab"] }), /merge 0 is "ab", neither/],
    [json({ type: "BPE", vocab: { a: 0 }, merges: [{ a: 1 }] }), /merge 0 is \{"a":1\}, neither/],
    [
      json({ type: "BPE", vocab: { a: 0, b: 1 }, merges: ["a b"] }),
      /merge 0 needs the token "ab", which the vocabulary lacks/,
    ],
    [json({ type: "BPE", vocab: { a: 0, b: 0 }, merges: [] }), /tokens "a" and "b" share the id 0/],
    [json({ type: "BPE", vocab: { a: 0.5 }, merges: [] }), /token "a" has the id 0\.5/],
  ])("refuses %s", (text, message) => {
    expect(() => parseTokenizerJson(text, "t.json")).toThrow(message);
  });

  it("of a kind that nobody reads is refused, not misread", async () => {
    await expect(createTokenizer({ model: { type: "Nonsense", vocab: { a: 0 } } })).rejects.toThrow(/cannot be read/);
  });
});

describe("pieces", () => {
  it.each([
    ["character", "né\n🐳", ["\n", "n", "é", "🐳"], [1, 2, 0, 3]],
    ["word", "T AH  M\n", ["AH", "M", "T"], [2, 0, 1]],
    ["text", "New York", ["Berlin", "New York"], [1]],
  ] as const)("one token a %s, also after its JSON", async (piece, text, tokens, ids) => {
    const made = pieces(piece, { tokens });
    for (const tokenizer of [made, await createTokenizer(made.toJson())]) {
      expect(Array.from(tokenizer.encode(text))).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(piece === "word" ? "T AH M" : text);
    }
  });

  it("may leave ids to others, and special tokens have no text", () => {
    const tokenizer = pieces("character", { tokens: ["a", "b"], special: ["<pad>", "</s>"], firstId: 5 });
    expect([tokenizer.size, tokensOf(tokenizer.toJson())]).toEqual([7, ["<pad>", "</s>", "", "", "", "a", "b"]]);
    expect(tokenizer.decode([5, 6, 1, 0, 0])).toBe("ab");
    expect([tokenizer.bytes(0).length, tokenizer.bytes(6).length]).toEqual([0, 1]);
  });

  it("names what the vocabulary lacks", () => {
    const tokenizer = pieces("character", { tokens: ["a"], special: ["<pad>"] });
    expect(() => tokenizer.encode("aß")).toThrow(
      'character "ß" is not in the vocabulary of 1 characters; leave it out',
    );
    expect(() => pieces("word", { tokens: ["a"] }).encode("a zz")).toThrow(/word "zz" is not/);
    expect(() => tokenizer.decode([2])).toThrow("token 2 is outside the vocabulary, whose ids are 0 to 1");
    expect(() => tokenizer.bytes(-1)).toThrow(/token -1 is outside/);
  });
});
