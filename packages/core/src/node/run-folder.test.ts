import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@latentkit/jit";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readMetrics } from "./jsonl-sink.js";
import { createRunFolder, openRunFolder } from "./run-folder.js";

let parent: string;
let path: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "latentkit-run-"));
  path = join(parent, "runs", "vae");
});
afterEach(() => rm(parent, { recursive: true, force: true }));

const config = { model: "vae", options: { latentDim: 20 }, seed: 0 };

describe("createRunFolder", () => {
  it("writes the configuration that openRunFolder reads", async () => {
    const made = await createRunFolder(path, config);
    const opened = await openRunFolder(path);
    expect(opened).toEqual(made);
    expect(opened.config).toEqual(config);
    expect(JSON.parse(await readFile(join(path, "config.json"), "utf8"))).toEqual({
      format: "latentkit-run/1",
      ...config,
    });
    expect(await made.writeSample("000001.png", Uint8Array.of(1))).toBe(join(path, "samples", "000001.png"));
    await opened.withConfig({ ...config, steps: 9 });
    expect((await openRunFolder(path)).config).toEqual({ ...config, steps: 9 });
  });

  it("gives logs and checkpoints their places", async () => {
    const run = await createRunFolder(path, config);
    for (const resumeAt of [undefined, 1]) {
      const logs = await run.openLogs(resumeAt);
      for (const step of [1, 2]) logs.scalars(step + (resumeAt ?? 0), { loss: step });
      await logs.close();
    }
    await run.checkpoints().save(2, { model: new Map() });
    expect((await readMetrics(run.metricsFile)).map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
    ]);
    expect((await readdir(path)).sort()).toEqual(["checkpoints", "config.json", "events", "metrics.jsonl"]);
    expect(await readdir(run.eventsFolder)).toHaveLength(2);
    expect(await readdir(run.checkpointsFolder)).toEqual(["000002"]);
  });

  it("takes an empty folder and one that a killed start left behind", async () => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, ".config.json.77.tmp"), "{");
    await expect(createRunFolder(path, config)).resolves.toMatchObject({ path });
  });

  it("keeps an existing run, unless told to overwrite it", async () => {
    const run = await createRunFolder(path, config);
    await writeFile(run.metricsFile, "{}\n");
    await run.writeSample("a.png", new Uint8Array(1));
    await writeFile(join(path, "notes.md"), "mine");
    await expect(createRunFolder(path, config)).rejects.toThrow(UserError);
    await expect(createRunFolder(path, config)).rejects.toThrow(`use --resume ${path} to continue it, or --overwrite`);
    expect(await readFile(run.metricsFile, "utf8")).toBe("{}\n");
    await createRunFolder(path, { model: "gan" }, { overwrite: true });
    expect((await readdir(path)).sort()).toEqual(["config.json", "notes.md"]);
    expect((await openRunFolder(path)).config).toEqual({ model: "gan" });
  });

  it.each([
    ["of files", "data.csv", "1,2"],
    ["with another program's config.json", "config.json", '{"format":"other"}'],
    ["with a broken config.json", "config.json", '{"form'],
  ])("never touches a folder %s", async (_, name, text) => {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, name), text);
    const create = createRunFolder(path, config, { overwrite: true });
    await expect(create).rejects.toThrow(`--out ${path} holds files but no latentkit run; choose another folder`);
    expect(await readFile(join(path, name), "utf8")).toBe(text);
  });

  it("tells that a file is in the way", async () => {
    await writeFile(join(parent, "runs"), "");
    await expect(createRunFolder(path, config)).rejects.toThrow(
      `--out ${path} cannot be used: a part of the path is a file`,
    );
    await expect(createRunFolder(join(parent, "runs"), config)).rejects.toThrow(
      "it exists already; choose another path",
    );
  });

  it.skipIf(process.platform === "win32")("tells missing permission (not on Windows, which has no modes)", async () => {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o555);
    const root = process.getuid?.() === 0; // root may write everywhere
    if (root) process.seteuid?.(65534);
    const error = await createRunFolder(path, config).catch((e: unknown) => e);
    if (root) process.seteuid?.(0);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(/permission denied/);
  });
});

describe("openRunFolder", () => {
  it.each([
    ["no folder", undefined, undefined, "it does not exist; check the path"],
    ["a folder without config.json", "x", "", "is not a run: it has no config.json"],
    ["JSON cut short", "config.json", '{"format":"latentkit-run/1",', "config.json is not valid JSON"],
    ["another format", "config.json", '{"format":"latentkit-run/9"}', 'has no "format": "latentkit-run/1"'],
    ["a list", "config.json", "[]", 'has no "format": "latentkit-run/1"'],
  ])("refuses %s", async (_, name, text, message) => {
    if (name !== undefined) {
      await mkdir(path, { recursive: true });
      await writeFile(join(path, name), text);
    }
    await expect(openRunFolder(path)).rejects.toThrow(UserError);
    await expect(openRunFolder(path)).rejects.toThrow(message);
  });
});
