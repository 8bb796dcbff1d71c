import type { DatumSpec } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { image, model, points } from "../test/support.js";
import { chooseLikelihood } from "./choose-likelihood.js";

const auto = { likelihood: "auto", binarize: "auto", scale: "shared" } as const;
const binary: DatumSpec = { kind: "binary", shape: [4] };
const unitInterval: DatumSpec = { kind: "continuous", shape: [4], range: [0, 1] };

describe("auto", () => {
  it.each([
    ["binary data", binary, "bernoulli", "of binary data"],
    ["gray images", image(28, 28, 1), "bernoulli", "dynamically binarised"],
    ["colour images", image(32, 32, 3), "discretized-logistic", "256 levels"],
    ["bounded data without levels", unitInterval, "gaussian", "log-density"],
    ["unbounded data", points, "gaussian", "log-density"],
  ])("%s", (_, datum, name, note) => {
    const likelihood = chooseLikelihood(auto, datum);
    expect(likelihood.name).toBe(name);
    expect(likelihood.note).toContain(note);
  });

  it("says on the model what its nats are of", () => {
    expect(model({}, image(28, 28, 1)).likelihoodNote).toContain("dynamically binarised");
    expect(model({ binarize: "threshold" }, image(28, 28, 1)).likelihoodNote).toContain("binarised at the middle");
  });
});

describe("refusals", () => {
  it.each([
    [
      { likelihood: "bernoulli" },
      points,
      /likelihood must not be bernoulli on unbounded data.*set likelihood to gaussian/,
    ],
    [
      { likelihood: "bernoulli", binarize: "none" },
      image(8, 8, 1),
      /binarize must be dynamic or threshold.*not a normalised likelihood/,
    ],
    [{ binarize: "none" }, image(8, 8, 1), /binarize must be dynamic or threshold/],
    [{ likelihood: "gaussian" }, binary, /must be bernoulli on binary data, got "gaussian"/],
    [{ likelihood: "gaussian", scale: "pixel" }, image(8, 8, 1), /scale must be shared or a number.*unbounded density/],
    [
      { likelihood: "gaussian", binarize: "dynamic" },
      image(8, 8, 1),
      /binarize must be none with likelihood gaussian, got dynamic/,
    ],
    [{ likelihood: "discretized-logistic" }, points, /needs data with a range and equally spaced levels/],
    [{ likelihood: "discretized-logistic" }, unitInterval, /needs data with a range and equally spaced levels/],
    [{ likelihood: "discretized-logistic" }, binary, /must be bernoulli on binary data/],
    [{}, { kind: "tokens", shape: [16], vocabulary: 50 }, /data must be continuous or binary, got tokens/],
    [{}, { kind: "pairs", shape: [16], vocabulary: 50 }, /data must be continuous or binary, got pairs/],
    [{ conditional: true }, image(8, 8, 1), /conditional must be false on data without labels/],
    [{ network: "conv" }, points, /network must be mlp for data of shape \[2\]/],
    [{ objective: "iwae", beta: 2 }, points, /beta must be 1 with objective iwae, got 2/],
    [{ objective: "iwae", warmUpSteps: 10 }, points, /warmUpSteps must be 0 with objective iwae, got 10/],
    [{ objective: "iwae", freeBits: 0.5 }, points, /freeBits must be 0 with objective iwae, got 0.5/],
    [{ latentDim: 0 }, points, /latentDim/],
    [{ latentDims: 3 }, points, /unknown option "latentDims".*did you mean/],
  ] as const)("%j", (options, datum, message) => {
    expect(() => model(options, datum as DatumSpec)).toThrow(message);
    expect(() => model(options, datum as DatumSpec)).toThrow(/^@latentkit\/vae: [^\n]+$/);
  });
});
