import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encodePng, hostTensor } from "@latentkit/core";
import { encodeNpy } from "@latentkit/core/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastJson, latentkit, workFolder } from "./support.js";

/** A folder that diffusers wrote: pictures of 8x8, three classes. */
const PLAIN = fileURLToPath(new URL("../../diffusion/test/fixtures/plain", import.meta.url));

let folder: Awaited<ReturnType<typeof workFolder>>;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });
const file = (...parts: string[]) => join(folder.path, ...parts);
const sample = (...args: string[]) => run("sample", "run", "-n", "2", "--steps", "4", "--engine", "eager", ...args);

beforeAll(async () => {
  folder = await workFolder();
  const imported = await run("import", PLAIN, "--out", "run", "--json");
  expect(imported.stderr).toBe("");
  expect(lastJson(imported)).toEqual({ folder: PLAIN, out: "run", format: "diffusers", model: "diffusion" });
});
afterAll(() => folder.remove());

describe("import and export", () => {
  it("give a folder back, and what it knew that latentkit does not", async () => {
    const exported = await run("export", "run", "--out", "back");
    expect(exported.stdout).toContain("back is a diffusers folder: model_index.json, unet/config.json");
    const scheduler = JSON.parse(await readFile(file("back", "scheduler", "scheduler_config.json"), "utf8"));
    expect(scheduler).toMatchObject({ _class_name: "DDPMScheduler", future_option: [1, "two"] });
    const again = await run("import", "back", "--out", "again");
    expect(again.code).toBe(0);
    const weights = (name: string) => readFile(file(name, "checkpoints", "000000", "model.safetensors"));
    expect((await weights("again")).equals(await weights("run"))).toBe(true);
  });

  it.each([
    ["a folder of nothing known", ["import", ".", "--out", "x"], /is a folder of no known format \(.*diffusers.*\)/],
    ["no folder", ["import", "nowhere", "--out", "x"], /cannot open folder nowhere: it does not exist/],
    ["an unknown format", ["import", PLAIN, "--out", "x", "--format", "gguf"], /unknown format "gguf"; known: /],
    ["a run that is there", ["import", PLAIN, "--out", "run"], /holds a run; .*--overwrite/],
    ["a folder with files", ["export", "run", "--out", "full"], /full holds files; .*--overwrite/],
    ["a format of other models", ["export", "run", "--out", "x", "--format", "gguf"], /diffusion has no format "gguf"/],
  ])("refuse %s in one line", async (_name, args, message) => {
    await mkdir(file("full"), { recursive: true });
    await writeFile(file("full", "notes.txt"), "mine");
    const { code, stderr } = await run(...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(await readdir(folder.path)).not.toContain("x");
  });
});

describe("sample --film", () => {
  it("plays the way to the very samples", async () => {
    expect((await sample("--out", "a.png", "--film", "way.apng")).code).toBe(0);
    expect((await sample("--out", "b.png")).code).toBe(0);
    expect((await readFile(file("a.png"))).equals(await readFile(file("b.png")))).toBe(true);
    const film = await readFile(file("way.apng"));
    expect(film.readUInt32BE(film.indexOf("acTL") + 4)).toBe(5); // frames: the noise, and each of 4 steps
  });

  it("draws a strip with a row for each sample", async () => {
    expect((await sample("--out", "c.png", "--film", "strip.png")).code).toBe(0);
    const strip = await readFile(file("strip.png"));
    expect([strip.readUInt32BE(16), strip.readUInt32BE(20)]).toEqual([5 * 66 + 2, 2 * 66 + 2]); // pictures of 8 pixels are drawn 8 times as large, lines of 2 between
  });

  it("refuses more samples than a film has, by the names of the options", async () => {
    const { code, stderr } = await sample("-n", "257", "--out", "d.png", "--film", "way.png");
    expect(code).toBe(2);
    expect(stderr).toContain("--film takes at most 256 samples, got -n 257; use -n 256, or leave --film out");
  });

  it("refuses a file name that no film has, before it samples", async () => {
    const { code, stderr } = await sample("--out", "d.png", "--film", "way.mp4");
    expect([code, stderr]).toEqual([1, expect.stringContaining("--film way.mp4 must end in .apng or .png")]);
    expect(await readdir(folder.path)).not.toContain("d.png");
  });
});

describe("sample --init --mask", () => {
  const picture = (side: number, value: (i: number) => number) =>
    encodePng({
      width: side,
      height: side,
      channels: 1,
      data: Uint8Array.from({ length: side * side }, (_, i) => value(i)),
    });

  it("keeps what the mask says, to the bit, and takes numbers too", async () => {
    await writeFile(
      file("init.png"),
      picture(8, (i) => 4 * i),
    );
    await writeFile(
      file("mask.png"),
      picture(8, (i) => (i >= 32 ? 255 : 0)),
    ); // the lower half is filled in
    expect((await sample("--init", "init.png", "--mask", "mask.png", "--out", "filled.json")).code).toBe(0);
    const { values } = JSON.parse(await readFile(file("filled.json"), "utf8"));
    const [first, second] = values.map((rows: number[][][]) => rows.flat(2)) as [number[], number[]];
    const known = Array.from({ length: 32 }, (_, i) => Math.fround(-1 + (2 * 4 * i) / 255));
    expect(first.slice(0, 32)).toEqual(known);
    expect(second.slice(0, 32)).toEqual(known);
    expect(first.slice(32)).not.toEqual(second.slice(32));
    const numbers = hostTensor(new Float32Array(2 * 64).fill(0.5), [2, 8, 8, 1]);
    await writeFile(file("init.npy"), encodeNpy(numbers));
    expect((await sample("--init", "init.npy", "--strength", "0.3", "--out", "changed.png")).code).toBe(0);
  });

  it.each([
    ["of another size", ["--init", "small.png"], /small.png is 4x4 \(height x width\), the model takes 8x8; resize it/],
    ["that is no picture", ["--init", "points.csv"], /points.csv must end in .png, .jpg, .jpeg or .npy/],
    ["without what it masks", ["--mask", "square.png"], /mask was given without init/],
  ])("refuses a file %s", async (_name, args, message) => {
    await writeFile(
      file("small.png"),
      picture(4, () => 0),
    );
    await writeFile(
      file("square.png"),
      picture(8, () => 255),
    );
    const { code, stderr } = await sample(...args, "--out", "e.png");
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
  });
});
