import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, temporaryFolder } from "../test/files.js";
import { mobyDick } from "./moby-dick.js";
import { text } from "./text.js";
import { decodeTokens, encodeText } from "./vocabulary.js";

const folder = temporaryFolder();

describe("text", () => {
  it("splits by position, in windows of blockSize characters", async () => {
    const content = "abcdefghij".repeat(10);
    const data = await text(put(folder, "a.txt", content), { blockSize: 5 }).load(0);
    expect(data.datum).toEqual({ kind: "tokens", shape: [6], vocabulary: 10, context: 1 });
    expect(data.tokens?.join("")).toBe("abcdefghij");
    expect([data.splits.train.size, data.splits.test.size]).toEqual([85, 1]);
    expect(decodeTokens(data.tokens ?? [], data.splits.train.gather([3]).x?.data ?? [])).toBe("defghi");
    expect(decodeTokens(data.tokens ?? [], allOf(data.splits.test))).toBe("abcdef");
    expect(data.splits.train.fields.x).toEqual({ shape: [6], dtype: "int32" });
  });

  it("counts characters, not UTF-16 units", async () => {
    const data = await text(put(folder, "b.txt", "🐳é🐳\n".repeat(10)), { blockSize: 4, testFraction: 0.5 }).load(0);
    expect(data.tokens).toEqual(["\n", "é", "🐳"]);
    expect(allOf(data.splits.test).slice(0, 4)).toEqual([2, 1, 2, 0]);
    expect(encodeText(data.tokens ?? [], "🐳\n")).toEqual(Int32Array.of(2, 0));
    expect(() => encodeText(data.tokens ?? [], "a🐳")).toThrow(/character "a" is not in the vocabulary/);
    expect(() => decodeTokens(data.tokens ?? [], [3])).toThrow(RangeError);
  });

  it("refuses an empty, short, missing or binary file", async () => {
    await expectRefusal(text(put(folder, "empty.txt", "")).load(0), "is empty");
    await expectRefusal(
      text(put(folder, "short.txt", "hello")).load(0),
      "blockSize=128 needs a split longer than that",
      "lower it",
    );
    await expectRefusal(text(`${folder}/none.txt`).load(0), "does not exist");
    await expectRefusal(text(put(folder, "c.txt", Uint8Array.of(0xc3, 0x28))).load(0), "not UTF-8");
    await expectRefusal(
      text(put(folder, "d.txt", "hello"), { blockSize: 0 }).load(0),
      "option blockSize of text must not be 0",
    );
  });
});

describe("moby-dick", () => {
  it("is the novel", async () => {
    const data = await mobyDick({ blockSize: 64 }).load(0);
    expect(data.datum).toEqual({ kind: "tokens", shape: [65], vocabulary: 83, context: 1 });
    expect(data.splits.train.size).toBe(Math.round(1_190_317 * 0.9) - 64);
    expect(decodeTokens(data.tokens ?? [], data.splits.train.gather([22]).x?.data ?? [])).toBe(
      "Call me Ishmael. Some years ago—never mind how long precisely—hav",
    );
  });
});
