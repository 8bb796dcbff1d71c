/** The engines compute the same: losses of one training run, and a run that moves from one engine to another through a checkpoint. */

import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, MemorySink, train } from "@latentkit/core";
import { mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { findLibrary, tensorflow } from "@latentkit/engine-tensorflow";
import { vae } from "@latentkit/vae";
import { describe, expect, it } from "vitest";
import { lastJson, latentkit, TINY, workFolder } from "./support.js";

/** In CI the library must be there; elsewhere it may be missing. */
const missing = findLibrary() === undefined && process.env.CI === undefined;
const why = missing ? " (skipped: TensorFlow's library is not installed here; latentkit setup tensorflow)" : "";

const STEPS = 100;

async function lossesOn(engine: Engine): Promise<number[]> {
  const sink = new MemorySink();
  const model = vae({ latentDim: 20 });
  await train({ model, data: mnist(), engine, steps: STEPS, logEvery: 1, checkpointEvery: 0, sinks: [sink] });
  await engine.dispose();
  return sink.series("train/loss").map(({ value }) => value);
}

describe.skipIf(missing)(`onnx and tensorflow${why}`, () => {
  it("give a VAE on MNIST the same losses over 100 steps", { timeout: 120_000 }, async () => {
    const [one, other] = [await lossesOn(onnx()), await lossesOn(await tensorflow())];
    expect(one).toHaveLength(STEPS);
    const worst = Math.max(...one.map((loss, i) => Math.abs(loss - (other[i] as number)) / Math.abs(loss)));
    expect(worst).toBeLessThan(1e-3);
  });

  it("continue each other's runs from a checkpoint", async () => {
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
