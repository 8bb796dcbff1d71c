import { expect, it } from "vitest";
import type { MetricResult } from "../../metric-result.js";
import { comparisonTable } from "./comparison-table.js";
import type { ModelResult } from "./result.js";

const result = (value: number): MetricResult => ({ value, stderr: 0.01, n: 10, unit: "nats" });

const done = (name: string, metrics: Record<string, MetricResult>): ModelResult => ({
  name,
  summary: "",
  status: "done",
  moments: [],
  grades: {
    parameters: 1,
    steps: 1,
    batchSize: 1,
    epochs: 1,
    trainSeconds: 1,
    examplesPerSecond: 1,
    samplesPerSecond: 1,
    capabilities: { likelihood: "bound", latent: "none", samplingSteps: 0, conditional: false },
    metrics,
    refused: {},
    costs: [],
    figures: [],
  },
});

it("has likelihoods before samples before the inside, whichever model has them", () => {
  const models = [
    done("vae", { elbo: result(-2), energyDistance: result(0.1), linearProbe: result(0.9) }),
    done("flow", { logProb: result(-2.4), energyDistance: result(0.2) }),
  ];
  const table = comparisonTable(models, { datum: { kind: "continuous", shape: [2] } }).replaceAll("<wbr>", "");
  const places = ["logProb", "elbo", "energyDistance", "linearProbe"].map((name) => table.indexOf(`<th>${name}<`));
  expect(places.every((place) => place > 0)).toBe(true);
  expect(places).toEqual([...places].sort((a, b) => a - b));
});
