import { describe, expect, it } from "vitest";
import { expectRefusal, put, replace, temporaryFolder } from "../test/files.js";
import { parseOnce, type SourceFile, sha256 } from "./file.js";

const folder = temporaryFolder();

describe("parseOnce", () => {
  it("reads a file once, also for callers at the same time, and again when it changed", async () => {
    const path = put(folder, "a.txt", "one");
    let calls = 0;
    const parse = ({ bytes }: SourceFile) => {
      calls++;
      return Buffer.from(bytes).toString();
    };
    const [a, b] = await Promise.all([parseOnce(path, "text", parse), parseOnce(path, "text", parse)]);
    expect([a.content, b.content, calls]).toEqual(["one", "one", 1]);
    expect(a.sha256).toBe(sha256(Buffer.from("one")));
    expect((await parseOnce(path, "other", parse)).content).toBe("one");
    expect(calls).toBe(2);
    replace(folder, "a.txt", "two");
    expect((await parseOnce(path, "text", parse)).content).toBe("two");
  });

  it("tries again after a failure", async () => {
    const path = put(folder, "b.txt", "one");
    const fail = () => Promise.reject(new Error("no"));
    await expect(parseOnce(path, "text", fail)).rejects.toThrow("no");
    expect((await parseOnce(path, "text", () => 5)).content).toBe(5);
  });

  it("refuses a missing file", async () => {
    await expectRefusal(
      parseOnce(`${folder}/none`, "text", () => 0),
      "none does not exist; check the path",
    );
    await expectRefusal(
      parseOnce(`${folder}/b.txt/none`, "text", () => 0),
      "does not exist",
    );
  });
});

describe("sha256", () => {
  it("is FIPS 180-4's for abc", () => {
    expect(sha256(Buffer.from("abc"))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});
