import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  addSchemaFlags,
  flagName,
  givenFlags,
  mergeOptions,
  parseAssignments,
  parseValue,
  wholeNumber,
} from "./flags.js";

describe("parseValue", () => {
  it.each([
    ["20", 20],
    ["1e-3", 0.001],
    [".5", 0.5],
    ["true", true],
    ["[400,200]", [400, 200]],
    ["conv", "conv"],
    ['"20"', "20"],
    ["", ""],
  ])("%s", (text, value) => expect(parseValue(text)).toEqual(value));
});

describe("parseAssignments", () => {
  it("nests dotted names, the last value wins", () => {
    expect(parseAssignments("--set", ["a.b=1", "a.c=x", "d=[1]", "a.b=2", "e=f=g"])).toEqual({
      a: { b: 2, c: "x" },
      d: [1],
      e: "f=g",
    });
  });
  it("refuses what is no assignment", () => {
    expect(() => parseAssignments("--set", ["latentDim"])).toThrow(/--set must be name=value, got "latentDim"/);
    expect(() => parseAssignments("--set", ["=3"])).toThrow(/--set/);
  });
});

describe("addSchemaFlags", () => {
  const schema = z.strictObject({
    batchSize: z.int().default(128).describe("examples an update"),
    nesterov: z.boolean().optional().describe("look ahead"),
    name: z.enum(["a", "b"]).default("a").describe("which"),
    skipped: z.number().optional().describe("not a flag"),
  });
  const command = new Command();
  addSchemaFlags(command, schema, ["skipped"]);

  it("names flags in kebab-case, with default and choices in the help", () => {
    const help = command.helpInformation();
    expect(help.replace(/\s+/g, " ")).toContain("--batch-size <value> examples an update (default: 128)");
    expect(help).toContain("which: a | b (default: a)");
    expect(help).not.toContain("--skipped");
  });

  it("gives what was typed and nothing else", () => {
    command.parse(["--batch-size", "64", "--nesterov"], { from: "user" });
    expect(givenFlags(command.opts(), Object.keys(schema.shape))).toEqual({ batchSize: 64, nesterov: true });
  });
});

describe("small things", () => {
  it("flagName", () =>
    expect(["steps", "batchSize", "maxGradNorm", "beta1"].map(flagName)).toEqual([
      "steps",
      "batch-size",
      "max-grad-norm",
      "beta1",
    ]));
  it("mergeOptions goes into nested options and replaces lists", () => {
    expect(mergeOptions({ a: { b: 1, c: 2 }, d: [1, 2] }, { a: { b: 3 }, d: [4], e: 5 })).toEqual({
      a: { b: 3, c: 2 },
      d: [4],
      e: 5,
    });
  });
  it("wholeNumber", () => {
    expect(wholeNumber("-n", 1)("64")).toBe(64);
    for (const text of ["0", "-1", "1.5", "x", ""])
      expect(() => wholeNumber("-n", 1)(text)).toThrow(/-n must be a whole number from 1/);
  });
});
