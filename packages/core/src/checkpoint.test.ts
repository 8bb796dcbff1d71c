import { hostTensor, UserError } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import {
  bestCheckpoint,
  type CheckpointInfo,
  expiredCheckpoints,
  MemoryCheckpointStore,
  parseCheckpointChoice,
} from "./checkpoint.js";

const info = (step: number, metric?: number): CheckpointInfo => ({
  step,
  name: String(step),
  meta: metric === undefined ? {} : { metric },
  files: [],
});
const steps = (infos: readonly CheckpointInfo[]) => infos.map(({ step }) => step);

describe("retention", () => {
  it("keeps the last k and the best", () => {
    const all = [info(1, 5), info(2, 1), info(3, 4), info(4, 3), info(5)];
    expect(steps(expiredCheckpoints(all, { keepLast: 2 }))).toEqual([1, 3]);
    expect(steps(expiredCheckpoints(all, { keepLast: 2, better: "higher" }))).toEqual([2, 3]);
    expect(steps(expiredCheckpoints(all, { keepLast: 0 }))).toEqual([1, 3, 4]);
  });

  it("takes the latest of equals for the best, and never one whose metric is not finite", () => {
    expect(bestCheckpoint([info(1, 2), info(2, 2), info(3, 3), info(4, Number.NaN), info(5, -Infinity)])?.step).toBe(2);
    expect(bestCheckpoint([info(1)])).toBeUndefined();
  });
});

describe("MemoryCheckpointStore", () => {
  const model = (value: number) => ({ model: new Map([["w", hostTensor([value], [1])]]), ema: new Map() });

  it("gives back copies of what was saved", async () => {
    const store = new MemoryCheckpointStore();
    const files = model(1);
    await store.save(1, files, { metric: 3, note: "first" });
    (files.model.get("w")?.data as Float32Array)[0] = 9;
    const { info, tensors } = await store.load("latest");
    expect(info).toEqual({ step: 1, name: "000001", meta: { metric: 3, note: "first" }, files: ["ema", "model"] });
    expect(tensors.model?.get("w")).toEqual(hostTensor([1], [1]));
    expect(Object.keys((await store.load(1, ["model"])).tensors)).toEqual(["model"]);
  });

  it("finds the best and forgets the abandoned future of an earlier step", async () => {
    const store = new MemoryCheckpointStore({ keepLast: 2 });
    for (const [step, metric] of [
      [1, 2],
      [2, 1],
      [3, 5],
      [4, 4],
      [5, 3],
    ] as const)
      await store.save(step, model(1), { metric });
    expect(steps(await store.list())).toEqual([2, 4, 5]);
    expect((await store.load("best")).info.step).toBe(2);
    await store.save(3, model(1));
    expect(steps(await store.list())).toEqual([2, 3]);
  });

  it("names the checkpoints there are when asked for another", async () => {
    const store = new MemoryCheckpointStore();
    await expect(store.load("latest")).rejects.toThrow("no checkpoint yet");
    await store.save(500, model(1));
    await expect(store.load(450)).rejects.toThrow(UserError);
    await expect(store.load(450)).rejects.toThrow(
      "--checkpoint 000450: the run has no such checkpoint; use one of 000500",
    );
    await expect(store.load("best")).rejects.toThrow("use --checkpoint latest");
    await expect(store.load(500, ["optimizer"])).rejects.toThrow(
      "checkpoint 000500 has no file optimizer; it holds ema, model",
    );
    await expect(store.save(1.5, model(1))).rejects.toThrow("step must be a whole number");
  });
});

it("parseCheckpointChoice reads steps and words", () => {
  expect(["000400", "7", "latest", "best"].map(parseCheckpointChoice)).toEqual([400, 7, "latest", "best"]);
  for (const text of ["", "-1", "1e3", "newest", "99999999999999999"]) {
    expect(() => parseCheckpointChoice(text)).toThrow(`--checkpoint must be a step, latest or best, got "${text}"`);
  }
});
