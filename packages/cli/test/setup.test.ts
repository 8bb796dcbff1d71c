import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { lastJson, latentkit, TINY, workFolder } from "./support.js";

let folder: Awaited<ReturnType<typeof workFolder>>;
/** A machine without the library and without pip. */
let env: NodeJS.ProcessEnv;
const run = (args: string[], more: NodeJS.ProcessEnv = {}) =>
  latentkit(args, { cwd: folder.path, env: { ...env, ...more } });

beforeAll(async () => {
  folder = await workFolder();
  env = { LATENTKIT_CACHE: join(folder.path, "cache"), LATENTKIT_LIBTENSORFLOW: "", PATH: folder.path };
});
afterAll(() => folder.remove());

describe("latentkit setup", () => {
  it("says what to do where there is no pip", async () => {
    const { code, stdout, stderr } = await run(["setup", "tensorflow"]);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(stderr).toMatch(/^error .*neither pip nor uv is on the PATH.*LATENTKIT_LIBTENSORFLOW/);
    expect([code, stdout]).toEqual([1, ""]);
  });

  it("has nothing to remove where nothing was installed", async () => {
    const finished = await run(["setup", "tensorflow", "--remove", "--json"]);
    expect(lastJson(finished)).toEqual({ folder: join(folder.path, "cache", "tensorflow"), removed: [] });
    expect((await run(["setup", "tensorflow", "--remove"])).stdout).toContain("nothing was installed in");
  });

  it.each([
    [["setup"], 2, "missing required argument 'what'"],
    [["setup", "torch"], 2, 'nothing is set up under the name "torch"; write latentkit setup tensorflow'],
    [["setup", "tensorflow", "--gpus"], 2, "--gpus"],
    [
      ["setup", "tensorflow", "--version", "newest"],
      1,
      'version must be one of TensorFlow\'s, such as 2.21.0, got "newest"',
    ],
  ])("%j is refused", async (args, expected, part) => {
    const { code, stderr } = await run(args);
    expect(stderr).toContain(part);
    expect(code).toBe(expected);
  });
});

describe("the library of the tensorflow engine", () => {
  const train = (...flags: string[]) => [
    "train",
    "vae",
    ...TINY.slice(0, -2),
    "--steps",
    "1",
    "--out",
    "never",
    ...flags,
  ];

  it("is recommended where it is missing, and not needed", async () => {
    const { engines, auto, advice } = lastJson(await run(["doctor", "--json"]));
    const detail = "its library is not installed; run latentkit setup tensorflow";
    expect(engines[0]).toMatchObject({ name: "tensorflow", available: false, detail });
    expect(auto).toMatchObject({ engine: "onnx", reason: expect.stringContaining(detail) });
    expect(advice.join("\n")).toContain("latentkit setup tensorflow");
    const { code, stderr } = await run(train("--engine", "tensorflow"));
    expect(stderr).toContain(`--engine tensorflow cannot run here: ${detail}`);
    expect(code).toBe(1);
  });

  it("is not passed over where a setting is wrong", async () => {
    const wrong = { LATENTKIT_LIBTENSORFLOW: join(folder.path, "gone.so") };
    const { code, stderr } = await run(train(), wrong);
    expect(stderr).toMatch(
      /^error .*--engine auto stops at tensorflow: .*LATENTKIT_LIBTENSORFLOW=.*gone\.so does not exist/,
    );
    expect(code).toBe(1);
    expect(lastJson(await run(["doctor", "--json"], wrong)).advice.join("\n")).toContain("mend the setting");
  });

  it("is refused when it cannot be loaded, without a crash", async () => {
    await mkdir(join(folder.path, "lib"));
    const library = join(folder.path, "lib", "libtensorflow.so.2");
    await writeFile(library, "<html>404</html>");
    const { code, signal, stderr } = await run(train("--engine", "tensorflow"), { LATENTKIT_LIBTENSORFLOW: library });
    expect(stderr).toContain(`${library} is no library: it holds a web page`);
    expect([code, signal]).toEqual([1, null]);
  });
});

describe("--device and --precision", () => {
  it.each([
    [["--device", "tpu"], 2, '--device must be cpu, gpu or gpu:N such as gpu:1, got "tpu"'],
    [["--precision", "fp16"], 2, '--precision must be float32 or bf16, got "fp16"'],
    [["--lowering", "jit"], 2, '--lowering must be xla, clusters or graph, got "jit"'],
  ])("%j is refused", async (flags, expected, part) => {
    const { code, stdout, stderr } = await run(["sample", "any", ...flags]);
    expect(stderr).toContain(part);
    expect([code, stdout]).toEqual([expected, ""]);
  });

  it("a configuration may say them", async () => {
    const config = (text: string) =>
      writeFile(join(folder.path, "run.yaml"), `data: moons\nout: never2\nengine: eager\n${text}\n`);
    await config("device: gpu");
    expect((await run(["train", "vae", "--config", "run.yaml"])).stderr).toContain("--device gpu: the eager engine");
    await config("precision: half");
    const { code, stderr } = await run(["train", "vae", "--config", "run.yaml"]);
    expect(stderr).toContain('run.yaml precision must be float32 or bf16, got "half"');
    expect(code).toBe(1);
  });
});
