import { statSync } from "node:fs";
import type { Dataset, Engine, FeatureExtractor, HostTensor } from "@latentkit/core";
import { fashionMnist, mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { afterAll, describe, expect, it } from "vitest";
import { CLASSIFIERS, fashionMnistCnn, mnistCnn, stackedMnistCnn } from "../src/index.js";

const engine: Engine = onnx();
afterAll(() => engine.dispose());

/** Share of the whole test split that an extractor names rightly. */
async function accuracyOn(extractor: FeatureExtractor, { splits: { test } }: Dataset): Promise<number> {
  const open = await extractor.open(engine);
  let right = 0;
  for (let from = 0; from < test.size; from += 1000) {
    const count = Math.min(1000, test.size - from);
    const { x, label } = test.gather(Int32Array.from({ length: count }, (_, i) => from + i)) as Record<
      string,
      HostTensor
    >;
    const named = classesOf((await open.extract(x as HostTensor)).probabilities);
    for (let i = 0; i < count; i++) if (named[i] === label?.data[i]) right++;
  }
  await open.dispose();
  return right / test.size;
}

function classesOf({ data, shape: [n = 0, classes = 0] }: HostTensor): number[] {
  return Array.from({ length: n }, (_, i) => {
    const row = (data as Float32Array).subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  });
}

describe("the published accuracies are those of the published weights", () => {
  it("mnist-cnn names at least 99 % of MNIST's test images", async () => {
    const dataset = await mnist().load(0);
    expect(mnistCnn.fits(dataset)).toBe(true);
    const accuracy = await accuracyOn(mnistCnn, dataset);
    expect(accuracy).toBeGreaterThanOrEqual(0.99);
    expect(Math.abs(accuracy - mnistCnn.testAccuracy)).toBeLessThan(0.0005); // rounding may turn a close verdict on another machine
  });

  it("fashion-mnist-cnn names at least 91 % of Fashion-MNIST's test images", async () => {
    const dataset = await fashionMnist().load(0);
    expect(fashionMnistCnn.fits(dataset)).toBe(true);
    const accuracy = await accuracyOn(fashionMnistCnn, dataset);
    expect(accuracy).toBeGreaterThanOrEqual(0.91);
    const official = Object.keys(dataset.files).some((file) => file.includes("t10k-images-idx3-ubyte"));
    if (official) expect(Math.abs(accuracy - fashionMnistCnn.testAccuracy)).toBeLessThan(0.0005);
  });

  it("weights are below 1 MB a file", () => {
    for (const { file } of Object.values(CLASSIFIERS)) {
      expect(statSync(new URL(`../assets/${file}`, import.meta.url)).size).toBeLessThan(1e6);
    }
  });
});

describe("stacked-mnist-cnn", () => {
  it("names three digits like mnist-cnn names each, with the product of their probabilities", async () => {
    const digits = (await mnist().load(0)).splits.test.gather(Int32Array.from({ length: 30 }, (_, i) => i))
      .x as HostTensor;
    const pixels = 28 * 28;
    const data = new Float32Array(10 * pixels * 3);
    for (let i = 0; i < 30; i++) {
      const [image, channel] = [Math.floor(i / 3), i % 3];
      for (let p = 0; p < pixels; p++) data[(image * pixels + p) * 3 + channel] = digits.data[i * pixels + p] as number;
    }
    const [grey, stacked] = [await mnistCnn.open(engine), await stackedMnistCnn.open(engine)];
    const single = await grey.extract(digits);
    const { features, probabilities } = await stacked.extract({ shape: [10, 28, 28, 3], dtype: "float32", data });
    expect(features.shape).toEqual([10, 192]);
    expect(probabilities.shape).toEqual([10, 1000]);
    const named = classesOf(single.probabilities);
    expect(classesOf(probabilities)).toEqual(
      Array.from({ length: 10 }, (_, i) => 100 * named[3 * i]! + 10 * named[3 * i + 1]! + named[3 * i + 2]!),
    );
    const p = (i: number) => single.probabilities.data[i * 10 + (named[i] as number)] as number;
    expect(probabilities.data[classesOf(probabilities)[0] as number]).toBeCloseTo(p(0) * p(1) * p(2), 5);
    features.data.subarray(0, 64).forEach((value, j) => {
      expect(value).toBeCloseTo(single.features.data[j] as number, 3);
    });
  });
});
