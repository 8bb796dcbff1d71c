import { UserError } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { wrap } from "./commands/list/wrap.js";
import { commandLine } from "./commands/train/command-line.js";
import { describeFailure, describeUsage, InterruptedError, UsageError } from "./errors.js";

describe("describeFailure", () => {
  it.each([
    [new UserError("@latentkit/vae", "latentDim must be\n  positive"), 1, "@latentkit/vae: latentDim must be positive"],
    [new UsageError("--out is missing"), 2, "--out is missing"],
    [new InterruptedError("saved"), 130, "saved"],
  ])("%s", (error, code, message) => expect(describeFailure(error, false)).toEqual({ code, message }));

  it("asks for --debug when the mistake is ours", () => {
    const { code, message } = describeFailure(new TypeError("x is undefined"), false);
    expect(code).toBe(1);
    expect(message).toMatch(/^internal error: x is undefined;.*--debug/);
  });

  it("knows an error of another copy of a package by its name", () => {
    const foreign = Object.assign(new Error("other: wrong"), { name: "UserError" });
    expect(describeFailure(foreign, false)).toEqual({ code: 1, message: "other: wrong" });
  });

  it("shows stacks and causes with --debug", () => {
    const { message } = describeFailure(new UserError("a", "b", { cause: new Error("deep") }), true);
    expect(message).toMatch(/a: b\n\s+at [\s\S]*caused by: Error: deep\n\s+at /);
  });

  it("takes anything that is thrown", () => expect(describeFailure("text", false).message).toContain("text"));
});

describe("describeUsage", () => {
  it("is one line with the suggestion", () => {
    expect(describeUsage("error: unknown option '--stpes'\n(Did you mean --steps?)", "latentkit train")).toBe(
      `unknown option '--stpes' (did you mean "--steps"?); see latentkit train --help`,
    );
  });
});

describe("commandLine", () => {
  it("can be pasted into a shell", () => {
    expect(commandLine("train", ["vae", "--set", "hidden=[8, 8]", "--out", "it's", "--json"])).toBe(
      "latentkit train vae --set 'hidden=[8, 8]' --out 'it'\\''s'",
    );
  });
});

describe("wrap", () => {
  it("breaks between words and indents", () => {
    expect(wrap("  one two three four", 4, 12)).toEqual(["  one two", "    three", "    four"]);
    expect(wrap("word", 2, 1)).toEqual(["word"]);
  });
});
