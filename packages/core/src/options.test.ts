import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseOptions } from "./options.js";

const schema = z.strictObject({
  model: z.enum(["nice", "nsf", "nsf-ar"]).default("nsf"),
  layers: z.int().positive().default(8),
  optimizer: z.strictObject({ schedule: z.enum(["constant", "cosine"]).default("constant") }).prefault({}),
});
const parse = (given: Record<string, unknown>) => parseOptions("pkg", schema, given);

describe("parseOptions", () => {
  it("fills in defaults", () => {
    expect(parse({ layers: 2 })).toEqual({ model: "nsf", layers: 2, optimizer: { schedule: "constant" } });
  });

  it.each([
    [
      "a name of no option",
      { layer: 3 },
      'pkg: unknown option "layer" (did you mean "layers"?); known: model, layers, optimizer',
    ],
    ["a near miss of a choice", { model: "nsff" }, 'got "nsff" (did you mean "nsf"?)'],
    ["a near miss inside a group", { optimizer: { schedule: "cosin" } }, 'got "cosin" (did you mean "cosine"?)'],
    ["a choice like none", { model: "resnet" }, 'got "resnet"'],
    ["a value of another type", { layers: "many" }, 'pkg: layers: invalid input: expected number, got "many"'],
    ["a value out of range", { layers: 0 }, "layers: too small: expected number to be >0, got 0"],
  ])("refuses %s in one line", (_what, given, message) => {
    expect(() => parse(given)).toThrow(message);
  });
});
