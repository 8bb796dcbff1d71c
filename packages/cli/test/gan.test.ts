import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Finished, lastJson, latentkit, workFolder } from "./support.js";

const POINTS = ["--data", "8gaussians", "--data-set", "train=400", "--data-set", "test=60"];
const SMALL = ["--set", "hidden=[8]", "--set", "latentDim=2", "--engine", "onnx", "--threads", "1"];

let folder: Awaited<ReturnType<typeof workFolder>>;
let trained: Finished;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });
const train = (...args: string[]) => run("train", "gan", ...POINTS, ...SMALL, ...args);

beforeAll(async () => {
  folder = await workFolder();
  trained = await train("--out", "run", "--steps", "20", "--evaluate-every", "10", "--json");
});
afterAll(() => folder.remove());

describe("a GAN from the command line", () => {
  it("prints its health at every evaluation, and takes the preset's training options", async () => {
    expect(trained.code).toBe(0);
    expect(trained.stderr).toMatch(
      /step 10 {2}modes \d of 8 {2}discriminatorReal .* share {2}discriminatorFake .* diversity /,
    );
    expect(lastJson(trained).metrics).toMatchObject({ diversity: { unit: "x data", n: 60 }, modes: { unit: "of 8" } });
    expect(await readdir(join(folder.path, "run", "samples"))).toEqual(["000010.svg", "000020.svg"]);
    expect(await readdir(join(folder.path, "run", "figures"))).toEqual(
      expect.arrayContaining(["interpolation.svg", "samples.svg"]),
    );
  });

  it("says in the evaluation what is wrong", async () => {
    const { code, stdout } = await run("evaluate", "run", "--json");
    expect(code).toBe(0);
    const { warnings } = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
    expect(Array.isArray(warnings)).toBe(true);
  });

  it("interpolates between drawn latents, and has nothing to encode with", async () => {
    const drawn = await run("interpolate", "run", "--pairs", "2", "--steps", "3", "--out", "ways.svg", "--json");
    expect(lastJson(drawn)).toMatchObject({ pairs: 2, steps: 3, method: "lerp" });
    const named = await run("interpolate", "run", "--from", "0", "--to", "1");
    expect(named.code).toBe(2);
    expect(named.stderr).toMatch(/cannot encode data: leave out --data, --from and --to/);
    const reconstruction = await run("reconstruct", "run");
    expect(reconstruction.code).toBe(1);
    expect(reconstruction.stderr).toMatch(/no encoder: it cannot encode or reconstruct/);
  });

  const mistakes: [string, string[], RegExp][] = [
    [
      "batch norm under a gradient penalty",
      ["--set", "loss=hinge", "--set", "norm=batch"],
      /penalty.name: must be none or lecam with norm "batch"/,
    ],
    [
      "an objective that does not exist",
      ["--optimizers", '{"critic":{"learningRate":1}}'],
      /optimizers.critic: .* it has discriminator, generator/,
    ],
    ["labels of a model without", ["--set", "conditional=yes"], /conditional: .*got "yes"/],
    ["a size that does not halve", ["--set", "network=resnet"], /network must be mlp for data of shape \[2\]/],
  ];

  it.each(mistakes)("%s: one line before anything is written", async (_name, args, message) => {
    const { code, stderr } = await train("--out", "wrong", "--steps", "5", ...args);
    expect(code).toBe(1);
    expect(stderr).toMatch(message);
    expect(
      stderr
        .trim()
        .split("\n")
        .filter((line) => !line.startsWith("loading")),
    ).toHaveLength(1);
    expect(await readdir(folder.path)).not.toContain("wrong");
  });
});
