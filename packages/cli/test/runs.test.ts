import { cp, mkdir, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastJson, latentkit, start, TINY, workFolder } from "./support.js";

let folder: Awaited<ReturnType<typeof workFolder>>;
const run = (...args: string[]) => latentkit(args, { cwd: folder.path });
const file = (...parts: string[]) => join(folder.path, ...parts);

/** Runs a command that must succeed, and gives its JSON. */
async function json(...args: string[]): Promise<any> {
  const finished = await run(...args, "--json");
  expect(finished.stderr).not.toMatch(/^error/m);
  expect(finished.code).toBe(0);
  return lastJson(finished);
}

let trained: any;
beforeAll(async () => {
  folder = await workFolder();
  trained = await json(
    "train",
    "vae",
    ...TINY,
    "--out",
    "run",
    "--steps",
    "30",
    "--learning-rate",
    "1e-2",
    "--checkpoint-every",
    "10",
  );
});
afterAll(() => folder.remove());

describe("train", () => {
  it("prints one JSON object with the bound", () => {
    expect(trained).toMatchObject({
      run: "run",
      step: 30,
      steps: 30,
      interrupted: false,
      report: join("run", "report.html"),
    });
    expect(trained.metrics.elbo).toMatchObject({
      value: expect.any(Number),
      stderr: expect.any(Number),
      n: 6,
      unit: "nats",
    });
  });

  it("keeps configuration, logs, checkpoints, samples, pictures and a report that needs no network", async () => {
    const config = JSON.parse(await readFile(file("run", "config.json"), "utf8"));
    expect(config).toMatchObject({
      model: { name: "vae", config: { latentDim: 2, hidden: [8] } },
      data: { name: `csv:${file("points.csv")}`, options: { label: "side" } },
      train: { steps: 30, batchSize: 16, optimizer: { name: "adam", learningRate: 0.01 }, evaluateEvery: 3 },
      engine: { name: "eager" },
      versions: { node: process.versions.node },
    });
    expect(config.command).toMatch(/^latentkit train vae .*--learning-rate 1e-2/);
    expect(await readdir(file("run", "checkpoints"))).toEqual(["000010", "000020", "000030"]);
    expect(await readdir(file("run", "samples"))).toHaveLength(10);
    expect((await readdir(file("run", "figures"))).sort()).toEqual(
      [
        "interpolation.svg",
        "latent-map.svg",
        "loss-parts.svg",
        "loss.svg",
        "reconstructions.svg",
        "samples.svg",
      ].sort(),
    );
    const html = await readFile(file("run", "report.html"), "utf8");
    expect(html).not.toMatch(/<script|<link|src="http|Not drawn/);
    for (const text of [
      "Map of the latent space",
      "latent dimension 1",
      "left",
      "right",
      "elbo",
      config.command.replaceAll("'", "&#39;"),
    ])
      expect(html).toContain(text);
  });

  it("writes plain progress lines without a terminal", async () => {
    const { stderr, stdout } = await run("train", "vae", ...TINY, "--out", "plain", "--steps", "20");
    expect(stderr).toMatch(
      /^step 20\/20 {2}epoch [\d.]+\/[\d.]+ {2}loss -?[\d.]+ {2}reconstruction -?[\d.]+ {2}kl [\d.]+.* examples\/s|points\/s/m,
    );
    expect(stderr + stdout).not.toContain("\u001b");
    expect(stdout).toMatch(/^test elbo +-?[\d.]+ ± [\d.]+ nats/);
  });

  it("says of how many test examples an evaluation is, and refuses a limit that is none", async () => {
    const { stderr } = await run(
      "train",
      "vae",
      ...TINY,
      "--out",
      "few",
      "--steps",
      "8",
      "--evaluate-every",
      "4",
      "--evaluate-limit",
      "3",
    );
    expect(stderr).toMatch(/^step 4 {2}elbo .* nats {2}.*\(n 3\)$/m);
    expect(stderr).toMatch(/^step 8 {2}elbo .* nats {2}.*\(n 6\)$/m);
    expect((await json("train", "--resume", "few", "--evaluate-limit", "0")).metrics.elbo.n).toBe(6);
    expect(JSON.parse(await readFile(file("few", "config.json"), "utf8")).train.evaluateLimit).toBe(0);
    const refused = await run("train", "vae", ...TINY, "--out", "none", "--evaluate-limit", "-1");
    expect(refused.code).toBe(1);
    expect(refused.stderr.trimEnd()).toBe(
      "error @latentkit/core: evaluateLimit: too small: expected number to be >=0, got -1",
    );
  });

  it("refuses a folder that holds a run, replaces it when told to", async () => {
    const refused = await run("train", "vae", ...TINY, "--out", "run", "--steps", "2");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--overwrite");
    expect(await readdir(file("run", "checkpoints"))).toContain("000030");
    await cp(file("run"), file("old"), { recursive: true });
    const tooLarge = await run("train", "vae", ...TINY, "--out", "old", "--overwrite", "--batch-size", "1000");
    expect(tooLarge.code).toBe(1); // a mistake deletes nothing
    expect(await readdir(file("old", "checkpoints"))).toContain("000030");
    expect((await json("train", "vae", ...TINY, "--out", "old", "--overwrite", "--steps", "2")).step).toBe(2);
    expect(await readdir(file("old", "checkpoints"))).toEqual(["000002"]);
  });

  it("composes a configuration file with flags, and repeats a run from its config.json to the same bytes", async () => {
    const config = {
      model: { name: "vae", config: { latentDim: 3, hidden: [8] } },
      data: { name: "csv:points.csv", options: { label: "side" } },
      engine: "eager",
      out: "unused",
      train: { steps: 7, batchSize: 16 },
    };
    await writeFile(
      file("config.ts"),
      `const steps: number = 7;\nexport default ${JSON.stringify(config).replace('"steps":7', "steps")};`,
    );
    expect(
      (await json("train", "--config", "config.ts", "--out", "composed", "--set", "latentDim=2", "--steps", "5")).steps,
    ).toBe(5);
    const stored = JSON.parse(await readFile(file("composed", "config.json"), "utf8"));
    expect(stored.model.config).toMatchObject({ latentDim: 2, hidden: [8] });
    await json("train", "--config", "run/config.json", "--out", "again");
    for (const name of ["model", "ema", "optimizer"]) {
      const path = ["checkpoints", "000030", `${name}.safetensors`];
      expect(await readFile(file("again", ...path))).toEqual(await readFile(file("run", ...path)));
    }
  });
});

describe("using a run", () => {
  it("samples the same values for the same seed, in the table's own units", async () => {
    for (const name of ["a.csv", "b.csv"]) await json("sample", "run", "-n", "5", "--seed", "3", "--out", name);
    await json("sample", "run", "-n", "5", "--seed", "4", "--out", "c.csv");
    const [a = "", b, c] = await Promise.all(["a.csv", "b.csv", "c.csv"].map((name) => readFile(file(name), "utf8")));
    expect(a).toBe(b);
    expect(a).not.toBe(c);
    expect(a.split("\n")[0]).toBe("x,y");
    expect(a.trimEnd().split("\n")).toHaveLength(6);
  });

  it("takes the model's sampling options as flags of their own", async () => {
    await json("sample", "run", "-n", "4", "--temperature", "0", "--out", "cold.json");
    const { shape, values } = JSON.parse(await readFile(file("cold.json"), "utf8"));
    expect(shape).toEqual([4, 2]);
    for (const row of values) expect(row).toEqual(values[0]); // z = 0 every time
    const refused = await run("sample", "run", "--temperature", "hot");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('temperature: invalid input: expected number, got "hot"');
  });

  it("refuses a class that does not exist, an ending that does not fit, a checkpoint that is gone", async () => {
    const conditional = await json(
      "train",
      "vae",
      ...TINY,
      "--set",
      "conditional=true",
      "--out",
      "conditional",
      "--steps",
      "2",
    );
    expect(conditional.step).toBe(2);
    expect((await run("sample", "conditional", "--label", "2")).stderr).toContain(
      "label must be a whole number from 0 to 1, got 2",
    );
    await json("sample", "conditional", "-n", "2", "--label", "0,1", "--out", "labelled.npy");
    await json("interpolate", "conditional", "--out", "ways.svg");
    expect((await run("sample", "run", "--out", "a.png")).stderr).toContain(
      "--out a.png must end in one of .svg, .npy",
    );
    expect((await run("sample", "run", "--checkpoint", "17")).stderr).toContain("use one of 000010, 000020, 000030");
  });

  it("encodes a split to NumPy", async () => {
    expect(
      await json("encode", "run", "--data", "csv:points.csv:train", "--data-set", "label=side", "--out", "z.npy"),
    ).toMatchObject({ n: 54, shape: [54, 2] });
    expect((await readFile(file("z.npy"))).subarray(0, 128).toString("latin1")).toContain("'shape': (54, 2)");
  });

  it("encodes data other than those it was trained on, and refuses another kind", async () => {
    expect(
      (await json("encode", "run", "--data", "moons:test", "--data-set", "test=20", "--out", "moons.npz")).shape,
    ).toEqual([20, 2]);
    await writeFile(file("wide.csv"), "a,b,c\n1,2,3\n2,3,5\n4,4,4\n");
    const refused = await run("encode", "run", "--data", "csv:wide.csv", "--out", "z.npy");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("shape [3], the model was trained on continuous data of shape [2]");
  });

  it("reconstructs and interpolates", async () => {
    expect((await json("reconstruct", "run", "-n", "4")).n).toBe(4);
    expect(await readFile(file("reconstructions.svg"), "utf8")).toContain("</svg>");
    expect(
      await json(
        "interpolate",
        "run",
        "--from",
        "0",
        "--to",
        "3",
        "--steps",
        "7",
        "--method",
        "slerp",
        "--out",
        "way.json",
      ),
    ).toMatchObject({ pairs: [[0, 3]] });
    expect(JSON.parse(await readFile(file("way.json"), "utf8")).shape).toEqual([7, 2]);
    expect((await run("interpolate", "run", "--from", "0", "--to", "99")).stderr).toContain("has 6");
  });

  it("evaluates with errors, units and sizes, the same as at the end of training", async () => {
    const { run: path, metrics } = await json("evaluate", "run", "--metrics", "elbo,kl,bitsPerDim");
    expect(path).toBe("run");
    expect(Object.keys(metrics)).toEqual(["elbo", "kl", "bitsPerDim"]);
    expect(metrics.elbo).toEqual(trained.metrics.elbo);
    expect(metrics.bitsPerDim).toMatchObject({ unit: "bits/dim", n: 6 });
    const refused = await run("evaluate", "run", "--metrics", "elbow");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('did you mean "elbo"?');
  });

  it("measures samples on request: what needs no classifier on any data, the rest where one was made for the data", async () => {
    const { metrics } = await json("evaluate", "run", "--metrics", "copying");
    expect(Object.keys(metrics)).toEqual(["copying"]);
    expect(metrics.copying).toMatchObject({ n: 6, unit: "probability" });
    const tooFew = await run("evaluate", "run", "--metrics", "samples");
    expect(tooFew.code).toBe(1);
    expect(tooFew.stderr).toContain("needs at least 20 samples, got 6");
    const refused = await run("evaluate", "run", "--metrics", "fidMnistCnn");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("fidMnistCnn does not apply: mnist-cnn grades mnist (28x28x1 in [0, 1]), not ");
    expect(refused.stderr).toContain("register a FeatureExtractor for it");
  });
});

describe("list and doctor", () => {
  it("list shows models with options, data sets, engines, metrics, extractors", async () => {
    const { models, datasets, engines, metrics, extractors } = await json("list");
    expect(models.find(({ name }: any) => name === "vae").options).toContainEqual(
      expect.objectContaining({ name: "latentDim", type: "integer", default: 20, description: expect.any(String) }),
    );
    expect(datasets.map(({ name }: any) => name)).toEqual(expect.arrayContaining(["mnist", "8gaussians", "csv"]));
    expect(engines.map(({ name }: any) => name)).toEqual(["tensorflow", "onnx", "eager"]);
    expect(metrics.map(({ name }: any) => name)).toEqual(expect.arrayContaining(["elbo", "bitsPerDim"]));
    expect(metrics).toContainEqual(expect.objectContaining({ name: "fidMnistCnn", group: "samples", onRequest: true }));
    expect(extractors.map(({ name }: any) => name)).toEqual(["mnist-cnn", "fashion-mnist-cnn", "stacked-mnist-cnn"]);
    const { stdout } = await run("list", "models");
    expect(stdout).toContain("latentDim=20");
  });

  it("doctor says which engine auto takes and why", async () => {
    const { node, auto, engines, packages } = await json("doctor");
    expect(node).toBe(process.versions.node);
    expect(engines.some(({ name }: any) => name === auto.engine)).toBe(true);
    expect(auto.reason).toBeTruthy();
    expect(packages["@latentkit/core"]).toMatch(/^\d/);
  });
});

describe("the native engines", () => {
  const data = TINY.slice(0, -2);
  const engineOf = async (run: string) => JSON.parse(await readFile(file(run, "config.json"), "utf8")).engine;

  it("auto takes the one that doctor says, and describes it in the run", async () => {
    await json("train", "vae", ...data, "--out", "automatic", "--steps", "1");
    const { name, details } = await engineOf("automatic");
    expect(name).toBe((await json("doctor")).auto.engine);
    expect(details.threads).toBeGreaterThan(0);
  });

  it.for(["onnx", "tensorflow"])(
    "%s computes what eager computes, and each continues what another began",
    async (name, { skip }) => {
      const { available, detail } = (await json("doctor")).engines.find((engine: any) => engine.name === name);
      if (!available && process.env.CI === undefined) return skip(detail);
      await json("train", "vae", ...data, "--out", name, "--steps", "20", "--engine", name, "--threads", "1");
      expect(await engineOf(name)).toMatchObject({ name, details: { threads: 1 } });
      const native = await json("evaluate", name, "--metrics", "elbo", "--threads", "1");
      const eager = await json("evaluate", name, "--metrics", "elbo", "--engine", "eager");
      expect(native.metrics.elbo.value).toBeCloseTo(eager.metrics.elbo.value, 4); // nats, float32 sums in another order
      expect((await json("train", "--resume", name, "--engine", "eager", "--steps", "25")).step).toBe(25);
      expect((await json("train", "--resume", name, "--steps", "30")).step).toBe(30);
    },
  );
});

describe("stopping and going on", () => {
  const LONG = ["--steps", "100000", "--checkpoint-every", "50", "--evaluate-every", "0"];

  async function untilCheckpoint(path: string): Promise<void> {
    for (let i = 0; i < 400; i++) {
      const names = await readdir(file(path, "checkpoints")).catch(() => []);
      if (names.some((name) => /^\d{6}$/.test(name))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`${path} saved no checkpoint within 20 s`);
  }

  it("Ctrl-C saves, says how to resume, and ends with 130", async () => {
    const { child, finished } = start(["train", "vae", ...TINY, "--out", "stopped", ...LONG], { cwd: folder.path });
    await untilCheckpoint("stopped");
    child.kill("SIGINT");
    const { code, stderr } = await finished;
    expect(code).toBe(130);
    expect(stderr).toContain("continue with: latentkit train --resume stopped");
    const step = Number(/saved at step (\d+) of 100000/.exec(stderr)?.[1]);
    expect((await readdir(file("stopped", "checkpoints"))).at(-1)).toBe(String(step).padStart(6, "0"));
    expect(await json("train", "--resume", "stopped", "--steps", String(step + 5))).toMatchObject({ step: step + 5 });
  });

  it("a run killed at any moment and resumed ends with the same bytes", async () => {
    const options = ["--steps", "240", "--checkpoint-every", "20", "--evaluate-every", "0"];
    await json("train", "vae", ...TINY, "--out", "whole", ...options);
    const { child, finished } = start(["train", "vae", ...TINY, "--out", "killed", ...options], { cwd: folder.path });
    await untilCheckpoint("killed");
    child.kill("SIGKILL");
    expect((await finished).signal).toBe("SIGKILL");
    const second = start(["train", "--resume", "killed"], { cwd: folder.path });
    await new Promise((resolve) => setTimeout(resolve, 900));
    second.child.kill("SIGKILL");
    await second.finished;
    expect((await json("train", "--resume", "killed")).step).toBe(240);
    for (const name of ["model", "ema", "optimizer"]) {
      const path = ["checkpoints", "000240", `${name}.safetensors`];
      expect(await readFile(file("killed", ...path))).toEqual(await readFile(file("whole", ...path)));
    }
  });

  it("a run killed before its first checkpoint begins anew", async () => {
    await cp(file("run"), file("early"), { recursive: true });
    await rm(file("early", "checkpoints"), { recursive: true });
    expect((await json("train", "--resume", "early")).step).toBe(30);
    const path = ["checkpoints", "000030", "model.safetensors"];
    expect(await readFile(file("early", ...path))).toEqual(await readFile(file("run", ...path)));
  });

  it("a damaged checkpoint is named with both hashes, and the previous one is offered and works", async () => {
    await cp(file("run"), file("damaged"), { recursive: true });
    const path = file("damaged", "checkpoints", "000030", "model.safetensors");
    const bytes = await readFile(path);
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    await writeFile(path, bytes);
    for (const args of [
      ["sample", "damaged"],
      ["train", "--resume", "damaged"],
    ]) {
      const { code, stderr } = await run(...args);
      expect(code).toBe(1);
      expect(stderr).toMatch(/sha256 [0-9a-f]{64}, expected [0-9a-f]{64}; use --checkpoint 000020/);
    }
    await truncate(path, 100);
    expect((await run("evaluate", "damaged")).stderr).toContain("model.safetensors has 100 bytes instead of");
    expect((await json("train", "--resume", "damaged", "--checkpoint", "000020")).step).toBe(30);
    expect(await readFile(path)).toEqual(await readFile(file("run", "checkpoints", "000030", "model.safetensors")));
  });

  it.skipIf(process.platform === "win32")(
    "a disk that takes no more while saving leaves the old checkpoint intact",
    async () => {
      // A limit on file size fails in the middle of a write, as a full disk does. 64 KiB hold every file but the model.
      const big = ["--set", "hidden=[256,256]"];
      await json("train", "vae", ...TINY, ...big, "--out", "full", "--steps", "2");
      const before = await readFile(file("full", "checkpoints", "000002", "model.safetensors"));
      expect(before.length).toBeGreaterThan(64 * 1024);
      const { code, stderr } = await latentkit(["train", "--resume", "full", "--steps", "4"], {
        cwd: folder.path,
        before: "ulimit -f 64",
      });
      expect(code).toBe(1);
      expect(stderr).toMatch(/^error .*cannot save checkpoint 000004.*earlier ones are intact/m);
      expect(await readdir(file("full", "checkpoints"))).toEqual(["000002"]);
      expect(await readFile(file("full", "checkpoints", "000002", "model.safetensors"))).toEqual(before);
      expect((await json("train", "--resume", "full", "--steps", "4")).step).toBe(4);
    },
  );
});

describe("plugins", () => {
  const PLUGIN = `
    import * as tf from "@tensorflow/tfjs-core";
    import { definePlugin, normal } from "@latentkit/core";
    import { z } from "zod";
    const logProb = ({ mu }, _state, { x }) => tf.sum(tf.sub(tf.mul(-0.5, tf.square(tf.sub(x, mu))), 0.5 * Math.log(2 * Math.PI)), -1);
    export default definePlugin({
      name: "bell", summary: "a Gaussian with a learned mean",
      config: z.object({ start: z.number().default(3).describe("where the mean begins") }), sampleOptions: z.object({}),
      create: ({ start }, datum) => ({
        datum,
        init: () => ({ params: { mu: tf.fill(datum.shape, start) }, state: {} }),
        objectives: [{ name: "nll", trains: ["mu"], loss: (params, state, batch) => ({ loss: tf.neg(tf.mean(logProb(params, state, batch))) }) }],
        sampling: ({ n }) => ({ steps: 0, start: (_p, _s, key) => ({ eps: normal(key, [n, ...datum.shape]) }), finish: ({ mu }, _s, { eps }) => tf.add(mu, eps) }),
        logProb,
      }),
    });`;

  it("of the project's dependencies are listed and trained; a broken one is one line", async () => {
    const packages = fileURLToPath(new URL("../..", import.meta.url));
    const project = file("project");
    const modules = join(project, "node_modules");
    const folderOf = (name: string) =>
      dirname(createRequire(join(packages, "core", "package.json")).resolve(`${name}/package.json`));
    await mkdir(join(modules, "latentkit-bell"), { recursive: true });
    await mkdir(join(modules, "latentkit-broken"));
    await mkdir(join(modules, "@latentkit"));
    await mkdir(join(modules, "@tensorflow"));
    await symlink(join(packages, "core"), join(modules, "@latentkit", "core"));
    for (const name of ["@tensorflow/tfjs-core", "zod"]) await symlink(folderOf(name), join(modules, name));
    await writeFile(
      join(project, "package.json"),
      JSON.stringify({ dependencies: { "latentkit-bell": "1", "latentkit-broken": "1" } }),
    );
    const manifest = (name: string) =>
      JSON.stringify({ name, version: "1.0.0", type: "module", latentkit: { plugin: "./plugin.js" } });
    await writeFile(join(modules, "latentkit-bell", "package.json"), manifest("latentkit-bell"));
    await writeFile(join(modules, "latentkit-bell", "plugin.js"), PLUGIN);
    await writeFile(join(modules, "latentkit-broken", "package.json"), manifest("latentkit-broken"));
    await writeFile(join(modules, "latentkit-broken", "plugin.js"), "export default {");
    const inProject = (...args: string[]) => latentkit(args, { cwd: project });

    const listed = await inProject("list", "models", "--json");
    expect(listed.stderr.trimEnd().split("\n")).toEqual([
      expect.stringMatching(/^warning plugin latentkit-broken is left out: /),
    ]);
    expect(lastJson(listed).models.map(({ name }: any) => name)).toEqual([
      "vae",
      "flow",
      "gan",
      "diffusion",
      "ar-transformer",
      "bell",
    ]);
    const result = await inProject(
      "train",
      "bell",
      "--data",
      "moons",
      "--data-set",
      "train=200",
      "--data-set",
      "test=50",
      "--out",
      "run",
      "--steps",
      "60",
      "--batch-size",
      "50",
      "--learning-rate",
      "0.2",
      "--engine",
      "eager",
      "--json",
    );
    expect(result.code).toBe(0);
    expect(lastJson(result).metrics.logProb.value).toBeGreaterThan(-4); // it starts 3 away from the data, near -14
    expect(lastJson(result).figures).not.toHaveProperty("reconstructions"); // it has no latent space
    expect((await inProject("sample", "run", "-n", "3", "--out", "x.npy")).code).toBe(0);
    expect((await stat(join(project, "x.npy"))).size).toBe(128 + 3 * 2 * 4);
  });
});
