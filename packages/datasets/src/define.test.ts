import { type DatasetFactory, UserError } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { expectRefusal } from "../test/files.js";
import { builtinDatasets, csv, mnist, toy } from "./index.js";

function named(name: string): DatasetFactory {
  const factory = builtinDatasets.find((candidate) => candidate.name === name);
  if (!factory) throw new Error(`no data set ${name}`);
  return factory;
}

describe("options", () => {
  it("suggests the nearest name for an unknown option and lists the others", async () => {
    const promise = csv("a.csv", { lable: "kind" } as never).load(0);
    await expectRefusal(
      promise,
      'unknown option "lable" of csv',
      'did you mean "label"?',
      "options of csv: header, delimiter, label",
    );
    await expectRefusal(
      named("mnist").load({ seed: 0, options: { size: 3 } }),
      'unknown option "size" of mnist',
      "mnist has no options",
    );
  });

  it("names option, value and meaning of a wrong value", async () => {
    await expectRefusal(
      csv("a.csv", { testFraction: 2 }).load(0),
      "option testFraction of csv must not be 2",
      "between 0 and 1",
    );
    await expectRefusal(
      csv("a.csv", { standardize: "yes" as never }).load(0),
      'option standardize of csv must not be "yes"',
    );
  });
});

describe("arguments", () => {
  it("refuses a missing one and one too many", async () => {
    await expectRefusal(named("csv").load({ seed: 0, options: {} }), "csv needs a file; write csv:FILE");
    await expectRefusal(named("images").load({ seed: 0, options: {}, argument: "" }), "images needs a folder");
    await expectRefusal(
      named("mnist").load({ seed: 0, options: {}, argument: "x" }),
      'mnist takes no argument, got "x"',
    );
  });
});

describe("sources", () => {
  it("say what --data would call them, with their options", () => {
    expect(mnist()).toMatchObject({ name: "mnist", options: {} });
    expect(csv("points.csv", { label: 2 })).toMatchObject({ name: "csv:points.csv", options: { label: 2 } });
    expect(toy("8gaussians", { train: 10 })).toMatchObject({ name: "8gaussians", options: { train: 10 } });
  });
});

describe("builtinDatasets", () => {
  it("holds every data set once, each described", () => {
    expect(builtinDatasets.map(({ name }) => name)).toEqual([
      "mnist",
      "fashion-mnist",
      "stacked-mnist",
      "8gaussians",
      "25gaussians",
      "checkerboard",
      "moons",
      "pinwheel",
      "spirals",
      "rings",
      "vowels",
      "moby-dick",
      "text",
      "cmudict",
      "first-names",
      "pairs",
      "images",
      "idx",
      "csv",
      "npy",
      "parquet",
      "wav",
    ]);
    for (const { summary, options } of builtinDatasets) {
      expect(summary.length).toBeGreaterThan(20);
      for (const option of Object.values(options?.shape ?? {})) expect(option.description).toBeTruthy();
    }
  });

  it("throws errors that programs recognise", async () => {
    const error = await csv("/none.csv")
      .load(0)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).package).toBe("@latentkit/datasets");
  });
});
