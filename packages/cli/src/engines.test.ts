import { describe, expect, it } from "vitest";
import { builtinEngines, chooseEngine } from "./engines.js";

const engine = (name: string) => builtinEngines.find((factory) => factory.name === name)!;

describe("engines without GPU and bfloat16", () => {
  it.each(["onnx", "eager"])("%s refuses what it cannot do", async (name) => {
    const create = (options: object) => engine(name).create(options);
    await expect(create({ device: "gpu:1" })).rejects.toThrow(
      `--device gpu:1: the ${name} engine computes on the CPU only; use --engine tensorflow (latentkit setup tensorflow --gpu installs its library)`,
    );
    await expect(create({ precision: "bf16" })).rejects.toThrow(
      `--precision bf16: the ${name} engine computes in float32 only`,
    );
    await expect(create({ lowering: "xla" })).rejects.toThrow(
      `--lowering xla: the ${name} engine executes programs in one way only`,
    );
    const made = await create({ device: "cpu", precision: "float32", threads: 1 });
    expect(made.name).toBe(name);
    await made.dispose();
  });
});

describe("chooseEngine", () => {
  const factory = (name: string, priority: number, probe: object) => ({
    ...engine("eager"),
    name,
    priority,
    probe: async () => ({ available: false, detail: `about ${name}`, ...probe }),
  });

  it("auto passes over what is not installed, and stops where a setting is wrong", async () => {
    const eager = factory("eager", 0, { available: true });
    expect((await chooseEngine([eager, factory("best", 9, {})], "auto")).name).toBe("eager");
    expect((await chooseEngine([eager, factory("good", 5, { available: true })], "auto")).name).toBe("good");
    const wrong = factory("best", 9, { misconfigured: true });
    await expect(chooseEngine([eager, wrong], "auto")).rejects.toThrow("--engine auto stops at best: about best");
    expect((await chooseEngine([eager, wrong], "eager")).name).toBe("eager");
    await expect(chooseEngine([eager, wrong], "best")).rejects.toThrow("--engine best cannot run here: about best");
  });
});
