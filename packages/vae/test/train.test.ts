import { type Dataset, type DatasetSource, eager, hostTensor, type Split, train } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { vae } from "../src/index.js";

/** Four 3x3 pictures, each as often as the others: `log p = -ln 4 = -1.39` nats is the best any model can do. */
const PICTURES = ["111000000", "000111000", "000000111", "100100100"].map((bits) => [...bits].map(Number));

function pictures(): DatasetSource {
  const split = (size: number): Split => ({
    size,
    fields: { x: { shape: [3, 3, 1], dtype: "float32" } },
    gather: (indices) => ({
      x: hostTensor(
        Array.from(indices).flatMap((i) => PICTURES[i % 4] as number[]),
        [indices.length, 3, 3, 1],
      ),
    }),
  });
  const dataset: Dataset = {
    name: "pictures",
    title: "four pictures",
    datum: { kind: "binary", shape: [3, 3, 1] },
    licence: "none",
    source: "this file",
    files: {},
    splits: { train: split(256), test: split(64) },
  };
  return { name: "pictures", options: {}, load: async () => dataset };
}

describe("train", () => {
  it("comes close to the entropy of four pictures, and samples them", async () => {
    const engine = eager();
    const run = await train({
      model: vae({ latentDim: 2, hidden: [32], evaluationSamples: 50 }),
      data: pictures(),
      engine,
      steps: 400,
      batchSize: 32,
      optimizer: { learningRate: 0.01 },
      emaDecay: 0,
      seed: 0,
    });
    const { nll, elbo, kl, activeUnits } = await run.evaluate(["nll", "elbo", "kl", "activeUnits"]);
    const entropy = Math.log(4);
    expect(nll?.value).toBeGreaterThan(entropy - 0.05); // an upper bound on the entropy but for its own Monte-Carlo noise
    expect(nll?.value).toBeLessThan(entropy + 0.8); // pixels modelled one by one: 5.45 nats
    expect(-(elbo?.value as number)).toBeGreaterThan((nll?.value as number) - 0.1);
    expect(-(elbo?.value as number)).toBeLessThan(entropy + 1.4);
    expect(kl?.value).toBeGreaterThan(1); // the latents must tell the pictures apart
    expect(activeUnits?.value).toBeGreaterThanOrEqual(1);
    expect(elbo?.note).toContain("binary data");

    const { data } = await run.sample({ n: 64, seed: 1 });
    const known = new Set(PICTURES.map((picture) => picture.join("")));
    const drawn = Array.from({ length: 64 }, (_, i) => [...data.slice(9 * i, 9 * i + 9)].map(Math.round).join(""));
    expect(drawn.filter((picture) => known.has(picture)).length).toBeGreaterThan(48);
    await engine.dispose();
  }, 60_000);
});
