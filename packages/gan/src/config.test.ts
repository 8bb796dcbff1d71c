import { parseOptions } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { image, points } from "../test/support.js";
import { type GanOptions, ganConfig } from "./config.js";
import { gan } from "./plugin.js";
import { settle } from "./presets.js";

const settings = (options: Record<string, unknown>, datum = image(28, 28, 1)) =>
  settle(parseOptions("@latentkit/gan", ganConfig, options), datum);

describe("presets", () => {
  it("auto is r3gan for images and gan-mlp for other data", () => {
    expect(settings({}).game).toEqual({
      loss: "relativistic",
      norm: "none",
      penalty: { name: "r1r2", gamma: 1, finalGamma: 0.2, share: 1, every: 4 },
    });
    expect(settings({}).network).toBe("resnet");
    expect(settings({}, points).network).toBe("mlp");
    expect(settings({}, points).game.loss).toBe(settings({ preset: "gan-mlp" }, points).game.loss);
  });

  it("are what the papers say", () => {
    expect(settings({ preset: "dcgan" })).toMatchObject({
      network: "dcgan",
      generatorNorm: "batch",
      game: { loss: "non-saturating", norm: "batch", penalty: { name: "none" } },
      training: { optimizer: { learningRate: 2e-4, beta1: 0.5 } },
    });
    expect(settings({ preset: "wgan-gp" })).toMatchObject({
      criticSteps: 5,
      game: { loss: "wasserstein", norm: "none", penalty: { name: "wgan-gp", weight: 10 } },
      training: { optimizer: { learningRate: 1e-4, beta1: 0, beta2: 0.9 } },
    });
    expect(settings({ preset: "sngan-hinge" }).game).toEqual({
      loss: "hinge",
      norm: "spectral",
      penalty: { name: "none" },
    });
  });

  it("give way to options; a penalty of the same name keeps its other numbers, another begins with its own", () => {
    expect(settings({ penalty: { every: 8 } }).game.penalty).toMatchObject({ name: "r1r2", gamma: 1, every: 8 });
    expect(settings({ penalty: "r1" }).game.penalty).toEqual({ name: "r1", gamma: 10, every: 1 });
    expect(settings({ penalty: { name: "wgan-gp" } }).game.penalty).toEqual({ name: "wgan-gp", weight: 10, every: 1 });
    expect(settings({ preset: "dcgan", latentDim: 7, network: "resnet" })).toMatchObject({
      latentDim: 7,
      network: "resnet",
    });
  });
});

describe("illegal combinations", () => {
  const refused: [string, Record<string, unknown>, RegExp][] = [
    [
      "batch norm with a gradient penalty",
      { norm: "batch", loss: "hinge", penalty: "r1" },
      /penalty.name: must be none or lecam with norm "batch": .* depends on the whole batch.*, got "r1"/,
    ],
    [
      "a Wasserstein critic with batch norm",
      { preset: "wgan-gp", norm: "batch" },
      /norm: must be none or spectral .*Lipschitz/,
    ],
    [
      "a Wasserstein critic that nothing holds",
      { preset: "wgan-gp", penalty: "none" },
      /penalty.name: must be a gradient penalty/,
    ],
    ["LeCam with relativistic pairing", { penalty: "lecam" }, /penalty.name: must not be lecam with loss relativistic/],
    [
      "relativistic pairing with batch norm and a penalty",
      { norm: "batch" },
      /penalty.name: must be none with loss relativistic/,
    ],
    ["a penalty without what is set", { penalty: { name: "r1", weight: 3 } }, /penalty.*weight/],
  ];

  it.each(refused)("%s: refused with the reason", (_name, options, message) => {
    expect(() => settings(options)).toThrow(message);
  });

  it("legal ones pass", () => {
    settings({ preset: "wgan-gp", norm: "spectral", penalty: "none" });
    settings({ preset: "dcgan", penalty: "lecam" });
    settings({ preset: "sngan-hinge", penalty: { name: "r1", every: 16 } });
  });

  it("do not compile", () => {
    const legal: GanOptions = { loss: "hinge", norm: "spectral", penalty: { name: "r1", gamma: 1 } };
    expect(gan(legal).plugin.name).toBe("gan");
    // @ts-expect-error a gradient penalty has no meaning with batch norm
    gan({ loss: "hinge", norm: "batch", penalty: { name: "r1" } });
    // @ts-expect-error nothing keeps the critic Lipschitz
    gan({ loss: "wasserstein", norm: "none", penalty: { name: "none" } });
    // @ts-expect-error only differences of relativistic logits have a meaning
    gan({ loss: "relativistic", norm: "none", penalty: { name: "lecam" } });
  });
});

describe("data that options do not fit", () => {
  const cases: [string, Record<string, unknown>, Parameters<typeof settle>[1], RegExp][] = [
    [
      "convolutions on points",
      { network: "dcgan" },
      points,
      /network must be mlp for data of shape \[2\], got "dcgan"/,
    ],
    ["augmented points", { augment: ["color"] }, points, /augment must be \[\] for data that are no images/],
  ];

  it.each(cases)("%s", (_name, options, datum, message) => {
    expect(() => settings(options, datum)).toThrow(message);
  });
});
