import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTensor, UserError } from "@latentkit/jit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileCheckpointStore } from "./checkpoint-store.js";
import { sha256File } from "./files.js";

let folder: string;
let store: FileCheckpointStore;
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), "latentkit-checkpoint-")), "checkpoints");
  store = new FileCheckpointStore(folder);
});
afterEach(() => rm(join(folder, ".."), { recursive: true, force: true }));

const files = (value: number, size = 3) => ({
  model: new Map([["params.w", hostTensor(new Float32Array(size).fill(value), [size])]]),
  optimizer: new Map([["count", hostTensor([value], [], "int32")]]),
});
const names = async () => (await readdir(folder)).sort();
const saveAll = async (...steps: number[]) => {
  for (const step of steps) await store.save(step, files(step), { metric: 1000 - step });
};

describe("save and load", () => {
  it("gives back what was saved, in the documented layout", async () => {
    const info = await store.save(500, files(2), { metric: 1.5, epoch: 3 });
    expect(info).toEqual({ step: 500, name: "000500", meta: { metric: 1.5, epoch: 3 }, files: ["model", "optimizer"] });
    expect(await store.load("latest")).toEqual({ info, tensors: files(2) });
    expect(await store.load(500, ["optimizer"])).toEqual({ info, tensors: { optimizer: files(2).optimizer } });
    const at = (name: string) => join(folder, "000500", name);
    expect((await readdir(at(""))).sort()).toEqual(["manifest.json", "model.safetensors", "optimizer.safetensors"]);
    const manifest = JSON.parse(await readFile(at("manifest.json"), "utf8"));
    expect(manifest).toMatchObject({ format: "latentkit-checkpoint", version: 1, step: 500 });
    expect(manifest.files["model.safetensors"].sha256).toBe(await sha256File(at("model.safetensors")));
  });

  it("writes the same bytes for the same state", async () => {
    await store.save(1, files(1), { metric: 1 });
    const first = await Promise.all(
      (await readdir(join(folder, "000001"))).map((f) => sha256File(join(folder, "000001", f))),
    );
    await store.save(1, files(1), { metric: 1 });
    const again = await Promise.all(
      (await readdir(join(folder, "000001"))).map((f) => sha256File(join(folder, "000001", f))),
    );
    expect(again).toEqual(first);
  });

  it("keeps the last k and the best, and drops the future that an earlier save abandons", async () => {
    store = new FileCheckpointStore(folder, { keepLast: 2, better: "higher" });
    await saveAll(1, 2, 3, 4);
    expect(await names()).toEqual(["000001", "000003", "000004"]);
    expect((await store.load("best")).info.step).toBe(1);
    await store.save(2, files(9));
    expect(await names()).toEqual(["000001", "000002"]);
    expect((await store.load("latest")).tensors).toEqual(files(9));
  });

  it("never takes a metric that is not finite for the best", async () => {
    await store.save(1, files(1), { metric: 3 });
    expect((await store.save(2, files(2), { metric: Number.NaN })).meta).toEqual({});
    expect((await store.load("best")).info.step).toBe(1);
  });

  it("sorts steps by number, not by name", async () => {
    await saveAll(999_999, 1_000_000);
    expect((await store.load("latest")).info.name).toBe("1000000");
  });
});

describe("leftovers of a killed save", () => {
  it("are ignored, then cleaned by the next save", async () => {
    await saveAll(400);
    await mkdir(join(folder, ".writing-000500"));
    await writeFile(join(folder, ".writing-000500", "model.safetensors"), "half");
    await mkdir(join(folder, ".expired-000300"));
    expect((await store.load("latest")).info.step).toBe(400);
    await saveAll(500);
    expect(await names()).toEqual(["000400", "000500"]);
  });

  it("count while their successor is missing", async () => {
    await saveAll(400, 500);
    await rename(join(folder, "000500"), join(folder, ".replaced-000500"));
    await mkdir(join(folder, ".writing-000500"));
    expect((await store.load("latest")).tensors).toEqual(files(500));
    await saveAll(600);
    expect(await names()).toEqual(["000400", "000500", "000600"]);
  });
});

describe("a damaged checkpoint is refused and another one offered", () => {
  const model = () => join(folder, "000500", "model.safetensors");
  beforeEach(() => saveAll(400, 500));

  it("one bit flipped", async () => {
    const expected = await sha256File(model());
    const bytes = await readFile(model());
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(model(), bytes);
    const error = await store.load("latest").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toBe(
      `@latentkit/core: checkpoint ${join(folder, "000500")} is damaged: model.safetensors has sha256 ${await sha256File(model())}, expected ${expected}; use --checkpoint 000400`,
    );
    expect((await store.load(400)).tensors).toEqual(files(400));
  });

  it("cut short", async () => {
    await truncate(model(), 20);
    await expect(store.load(500)).rejects.toThrow(
      /model\.safetensors has 20 bytes instead of \d+; use --checkpoint 000400/,
    );
  });

  it("file missing", async () => {
    await rm(model());
    await expect(store.load(500)).rejects.toThrow("model.safetensors is missing; use --checkpoint 000400");
  });

  it.each([
    ["missing", undefined, "manifest.json is missing"],
    ["truncated", '{"format":"latentkit-check', "manifest.json is truncated or not JSON"],
    ["of another version", '{"format":"latentkit-checkpoint","version":2}', "manifest.json is not valid (version"],
    [
      "of another step",
      '{"format":"latentkit-checkpoint","version":1,"step":7,"meta":{},"files":{}}',
      "manifest.json belongs to step 7",
    ],
  ])("manifest %s", async (_, text, message) => {
    const manifest = join(folder, "000500", "manifest.json");
    if (text === undefined) await rm(manifest);
    else await writeFile(manifest, text);
    await expect(store.load("latest")).rejects.toThrow(message);
    await expect(store.load("latest")).rejects.toThrow("use --checkpoint 000400");
    expect((await store.list()).map(({ step }) => step)).toEqual([400]);
    expect((await store.load("best")).info.step).toBe(400);
    await saveAll(500);
    expect((await store.load("latest")).tensors).toEqual(files(500));
  });

  it("offers a later one when no earlier one is intact, and none when none is", async () => {
    await rm(join(folder, "000400", "model.safetensors"));
    await expect(store.load(400)).rejects.toThrow("use --checkpoint 000500");
    await rm(model());
    await expect(store.load("latest")).rejects.toThrow("no other checkpoint is intact; train again with --overwrite");
  });
});

it("says that there is no checkpoint, or not that one", async () => {
  await expect(store.load("latest")).rejects.toThrow("the run has no checkpoint yet");
  await saveAll(400, 500);
  await expect(store.load(450)).rejects.toThrow(
    "--checkpoint 000450: the run has no such checkpoint; use one of 000400, 000500",
  );
});

it("says that a file stands where the folder should be", async () => {
  await writeFile(folder, "");
  await expect(store.save(1, files(1))).rejects.toThrow(UserError);
  await expect(store.load("latest")).rejects.toThrow("a part of the path is a file");
});

/** A file system of 256 KiB at `path`, or why there is none. */
function mountSmallDisk(path: string): string | undefined {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", path], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `mounting a small tmpfs needs root on Linux: ${(error as Error).message.split("\n").join(" ")}`;
  }
}

it("a full disk leaves earlier checkpoints intact and says so", async ({ skip }) => {
  await mkdir(folder);
  const reason = mountSmallDisk(folder);
  if (reason !== undefined) return skip(reason);
  try {
    await store.save(1, files(1, 20_000));
    for (const replaced of [2, 1]) {
      const error = await store.save(replaced, files(2, 100_000)).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(UserError);
      expect((error as Error).message).toContain("(earlier ones are intact): the disk is full; free some space");
      expect(await names()).toEqual(["000001"]);
      expect((await store.load("latest")).tensors).toEqual(files(1, 20_000));
    }
    await store.save(2, files(2, 20_000));
    expect((await store.load("latest")).tensors).toEqual(files(2, 20_000));
  } finally {
    execFileSync("umount", [folder]);
  }
});
