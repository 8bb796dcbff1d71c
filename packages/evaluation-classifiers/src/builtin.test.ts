import type { DatumSpec } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { builtinExtractors, fashionMnistCnn, mnistCnn, stackedMnistCnn } from "./builtin.js";
import { CLASSIFIERS, readWeights } from "./weights.js";

const images = (channels: number, more: Partial<DatumSpec> = {}): DatumSpec => ({
  kind: "continuous",
  shape: [28, 28, channels],
  range: [0, 1],
  ...more,
});

describe("which data an extractor grades", () => {
  it.each([
    ["mnist", images(1), [mnistCnn]],
    ["mnist", { kind: "binary", shape: [28, 28, 1] } as DatumSpec, [mnistCnn]],
    ["mnist:some/folder", images(1), [mnistCnn]],
    ["fashion-mnist", images(1), [fashionMnistCnn]],
    ["fashion-mnist:some/folder", images(1), [fashionMnistCnn]],
    ["stacked-mnist", images(3), [stackedMnistCnn]],
    ["mnist", images(1, { range: [-1, 1] }), []],
    ["mnist", images(1, { shape: [32, 32, 1] }), []],
    ["idx:mnist", images(1), []],
    ["images:mnist", images(3), []],
  ])("%s, %o", (name, datum, expected) => {
    expect(builtinExtractors.filter((extractor) => extractor.fits({ name, datum }))).toEqual(expected);
  });
});

describe("weights", () => {
  it("are refused when they are not the published ones, with both hashes", async () => {
    const other = { ...CLASSIFIERS.mnist, sha256: "0".repeat(64) };
    await expect(readWeights(other)).rejects.toThrow(
      `weights mnist-cnn.safetensors have sha256 ${CLASSIFIERS.mnist.sha256} instead of ${other.sha256}; reinstall`,
    );
  });

  it("are missed by name", async () => {
    await expect(readWeights({ ...CLASSIFIERS.mnist, file: "none.safetensors" })).rejects.toThrow(
      "weights none.safetensors cannot be read (ENOENT); reinstall the package",
    );
  });
});
