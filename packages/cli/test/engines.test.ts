/** The engines compute the same: losses of training runs of every family, and a run that moves from one engine to another through a checkpoint. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { arTransformer } from "@latentkit/ar-transformer";
import { type ConfiguredModel, type DatumSpec, type Engine, MemorySink, train } from "@latentkit/core";
import { syntheticDataset } from "@latentkit/core/testing";
import { mnist } from "@latentkit/datasets";
import { diffusion } from "@latentkit/diffusion";
import { onnx } from "@latentkit/engine-onnx";
import { findLibrary, tensorflow } from "@latentkit/engine-tensorflow";
import { flow } from "@latentkit/flow";
import { gan } from "@latentkit/gan";
import { vae } from "@latentkit/vae";
import { describe, expect, it } from "vitest";
import { lastJson, latentkit, TINY, workFolder } from "./support.js";

/** In CI the library must be there; elsewhere it may be missing. */
const missing = findLibrary() === undefined && process.env.CI === undefined;
const why = missing ? " (skipped: TensorFlow's library is not installed here; latentkit setup tensorflow)" : "";

const STEPS = 100;
const FIRST = 3;

/** Losses of the first steps, objective by objective. */
async function firstLosses(engine: Engine, model: ConfiguredModel, datum: DatumSpec, objectives: readonly string[]) {
  const sink = new MemorySink();
  const data = { name: "synthetic", options: {}, load: async () => syntheticDataset(datum) };
  const options = { steps: FIRST, batchSize: 16, logEvery: 1, checkpointEvery: 0, sinks: [sink] };
  await train({ model, data, engine, ...options });
  await engine.dispose();
  return objectives.flatMap((name) => sink.series(`train/${name}loss`).map(({ value }) => value));
}

async function lossesOn(engine: Engine): Promise<number[]> {
  const sink = new MemorySink();
  const model = vae({ latentDim: 20 });
  await train({ model, data: mnist(), engine, steps: STEPS, logEvery: 1, checkpointEvery: 0, sinks: [sink] });
  await engine.dispose();
  return sink.series("train/loss").map(({ value }) => value);
}

const points: DatumSpec = { kind: "continuous", shape: [2] };
const gray: DatumSpec = { kind: "continuous", shape: [6, 6, 1], range: [0, 1], levels: 256 };
const tokens: DatumSpec = { kind: "tokens", shape: [6], vocabulary: 5 };

/** The smallest of each family, with the parts of its defaults. */
const families: readonly (readonly [
  name: string,
  model: ConfiguredModel,
  datum: DatumSpec,
  objectives: readonly string[],
])[] = [
  ["vae", vae({ latentDim: 2, hidden: [8] }), gray, [""]],
  ["gan", gan({ latentDim: 3, width: 4 }), gray, ["discriminator/", "generator/"]],
  ["flow", flow({ layers: 1, width: 8, depth: 1 }), points, [""]],
  ["diffusion", diffusion({ mlp: { width: 16, depth: 1 } }), points, [""]],
  ["ar-transformer", arTransformer({ nLayer: 1, nHead: 2, nEmbd: 8, dropout: 0 }), tokens, [""]],
];

describe.skipIf(missing)(`onnx and tensorflow${why}`, () => {
  it("give a VAE on MNIST the same losses over 100 steps", { timeout: 120_000 }, async () => {
    const [one, other] = [await lossesOn(onnx()), await lossesOn(await tensorflow())];
    expect(one).toHaveLength(STEPS);
    const worst = Math.max(...one.map((loss, i) => Math.abs(loss - (other[i] as number)) / Math.abs(loss)));
    expect(worst).toBeLessThan(1e-3);
  });

  const compiled = "give a small %s the same losses, compiled as the engine chooses";
  it.each(families)(compiled, { timeout: 120_000 }, async (_name, ...args) => {
    const [one, other] = [await firstLosses(onnx(), ...args), await firstLosses(await tensorflow(), ...args)];
    expect(one).toHaveLength(FIRST * args[2].length);
    one.forEach((loss, i) => {
      // Adam's first steps go by the signs of gradients, those that are rounding alone included.
      expect(Math.abs(loss - (other[i] as number))).toBeLessThan(5e-3 * Math.max(1, Math.abs(loss)));
    });
  });

  it("continue each other's runs from a checkpoint", { timeout: 120_000 }, async () => {
    const folder = await workFolder();
    const options = TINY.filter((word, i) => word !== "--engine" && TINY[i - 1] !== "--engine");
    const run = async (...args: string[]) => {
      const finished = await latentkit([...args, "--json"], { cwd: folder.path });
      expect(finished.stderr).not.toMatch(/^error/m);
      return lastJson(finished).metrics.elbo.value as number;
    };
    const straight = await run("train", "vae", ...options, "--out", "straight", "--steps", "40", "--engine", "onnx");
    await run("train", "vae", ...options, "--out", "moved", "--steps", "20", "--engine", "tensorflow");
    const moved = await run("train", "--resume", "moved", "--steps", "40", "--engine", "onnx");
    const back = await run("train", "--resume", "moved", "--steps", "60", "--engine", "tensorflow");
    expect(Math.abs(moved - straight) / Math.abs(straight)).toBeLessThan(1e-3);
    expect(Number.isFinite(back)).toBe(true);
    const { engine } = JSON.parse(await readFile(join(folder.path, "moved", "config.json"), "utf8"));
    expect(engine).toMatchObject({ name: "tensorflow", details: { device: "cpu", precision: "float32" } });
    await folder.remove();
  });
});
