import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  decodeSafetensors,
  type ForeignFolder,
  type ForeignModel,
  fold,
  type HostTensor,
  parseOptions,
  type TensorTree,
  unflatten,
} from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { diffusionConfig, diffusionSampleOptions } from "../src/config.js";
import { diffusersFormat } from "../src/diffusers/format.js";
import { wireDiffusion } from "../src/model.js";
import { diffusionSampling } from "../src/sampling.js";
import { key, numbers } from "./support.js";

/** Folders that diffusers wrote, with what its networks answer; made by tools/diffusers-fixtures.py. */
const FIXTURES = join(import.meta.dirname, "fixtures");

function fixture(name: string): ForeignFolder {
  const root = join(FIXTURES, name);
  const files = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  return { name, files, read: async (path) => readFileSync(join(root, path)) };
}

/** A folder in memory, over another one. */
function changed(folder: ForeignFolder, files: Record<string, Uint8Array | undefined>): ForeignFolder {
  const names = [...folder.files.filter((name) => !(name in files)), ...Object.keys(files)];
  return {
    name: folder.name,
    files: names.filter((name) => !(name in files) || files[name] !== undefined),
    read: async (path) => files[path] ?? folder.read(path),
  };
}

async function changedJson(name: string, path: string, values: object): Promise<ForeignFolder> {
  const folder = fixture(name);
  const before = JSON.parse(new TextDecoder().decode(await folder.read(path)));
  return changed(folder, { [path]: new TextEncoder().encode(JSON.stringify({ ...before, ...values })) });
}

const UNET = "unet/config.json";
const SCHEDULER = "scheduler/scheduler_config.json";
const TABLE = "params.network.class_embedding.embedding";

const tensorOf = ({ data, shape, dtype }: HostTensor): tf.Tensor => tf.tensor(data as Float32Array, [...shape], dtype);
/** `(B, C, H, W)` to `(B, H, W, C)`, and back. */
const channelsLast = (x: tf.Tensor) => tf.transpose(x, [0, 2, 3, 1]);
const channelsFirst = (x: tf.Tensor) => tf.transpose(x, [0, 3, 1, 2]);

function open({ config, data, weights }: ForeignModel) {
  const diffusion = wireDiffusion(parseOptions("diffusion", diffusionConfig, config), data.datum);
  const tree = unflatten([...weights].map(([path, tensor]) => [path, tensorOf(tensor)] as const)) as unknown as {
    params: { network: TensorTree };
    state: { sigmaData: tf.Tensor };
  };
  return { diffusion, ...tree };
}

function expected(name: string): Record<string, tf.Tensor> {
  const { tensors } = decodeSafetensors(readFileSync(join(FIXTURES, name, "expected.safetensors")));
  return Object.fromEntries([...tensors].map(([key, tensor]) => [key, tensorOf(tensor)]));
}

const furthest = (a: tf.Tensor, b: tf.Tensor): number => Math.max(...numbers(tf.abs(tf.sub(a, b))));

describe("networks of diffusers", () => {
  it.each(["plain", "legacy", "unusual", "learned"])("answer the same here: %s", async (name) => {
    const { diffusion, params } = open(await diffusersFormat.read(fixture(name)));
    const { x, t, y, label } = expected(name) as Record<"x" | "t" | "y" | "label", tf.Tensor>;
    const answer = diffusion.network.apply(
      params.network,
      channelsLast(x),
      label === undefined ? { time: t } : { time: t, label },
    );
    expect(furthest(channelsFirst(answer), y)).toBeLessThan(2e-5);
    expect(Math.max(...numbers(tf.abs(y)))).toBeGreaterThan(0.3); // there is something to compare
  });

  it("give the same pictures from the same noise by DDIM", async () => {
    const { diffusion, params, state } = open(await diffusersFormat.read(fixture("plain")));
    const { x, label, sample, steps } = expected("plain") as Record<"x" | "label" | "sample" | "steps", tf.Tensor>;
    expect(diffusion.process.levels(5, "auto").map(({ time }) => time)).toEqual(numbers(steps));
    const options = parseOptions("diffusion", diffusionSampleOptions, { sampler: "ddim", steps: 5 });
    const sampling = diffusionSampling(diffusion, options, []);
    let carry = sampling.start(params, state, key(0), { n: 3, options: {}, label });
    carry = { ...carry, x: channelsLast(x) };
    for (let i = 0; i < sampling.steps; i++)
      carry = sampling.step?.(params, state, carry, tf.scalar(i, "int32"), fold(key(1), i));
    expect(furthest(channelsFirst(sampling.finish(params, state, carry)), tf.clipByValue(sample, -1, 1))).toBeLessThan(
      1e-4,
    );
  });
});

describe("folders of diffusers", () => {
  it.each(["plain", "legacy", "unusual", "learned"])("come back as they were: %s", async (name) => {
    const folder = fixture(name);
    const read = await diffusersFormat.read(folder);
    const config = parseOptions("diffusion", diffusionConfig, read.config);
    const files = await diffusersFormat.write({ ...read, config });
    for (const path of ["model_index.json", UNET, SCHEDULER]) {
      const parsed = (bytes?: Uint8Array) =>
        JSON.parse(new TextDecoder().decode(bytes).replace(": -Infinity", ': "lowest"'));
      expect(parsed(files.get(path)), path).toEqual(parsed(await folder.read(path))); // unknown keys among them
    }
    const weights = "unet/diffusion_pytorch_model.safetensors";
    const [before, after] = [await folder.read(weights), files.get(weights) as Uint8Array].map(
      (bytes) => decodeSafetensors(bytes).tensors,
    ) as [ReadonlyMap<string, HostTensor>, ReadonlyMap<string, HostTensor>];
    if (name !== "legacy") return expect(new Map([...after].sort())).toEqual(new Map([...before].sort()));
    expect([...after.keys()].some((key) => key.endsWith("to_out.0.weight"))).toBe(true);
    expect(after.size).toBe(before.size);
  });

  it("are read again as this package wrote them, null class and range included", async () => {
    const read = await diffusersFormat.read(fixture("plain"));
    const config = parseOptions("diffusion", diffusionConfig, { ...read.config, dropLabel: 0.2 });
    const datum = { ...read.data.datum, range: [0, 1] as const, classes: 2 }; // the third row is that of no class
    const table = read.weights.get(TABLE) as HostTensor;
    const weights = new Map(read.weights).set(TABLE, { ...table, shape: [3, 16], data: table.data.slice(0, 48) });
    const files = await diffusersFormat.write({ ...read, config, data: { datum }, weights });
    const folder = {
      name: "again",
      files: [...files.keys()],
      read: async (path: string) => files.get(path) as Uint8Array,
    };
    const again = await diffusersFormat.read(folder);
    expect(again.data.datum).toEqual(datum);
    expect(parseOptions("diffusion", diffusionConfig, again.config)).toEqual(config);
    expect(again.weights.get(TABLE)).toEqual(weights.get(TABLE));
  });

  it("keep the sign of networks that predict towards the data", async () => {
    const read = await diffusersFormat.read(fixture("legacy"));
    const flow = { ...read.config, process: "flow", target: "velocity" };
    const config = parseOptions("diffusion", diffusionConfig, flow);
    const { kept: _, ...model } = read;
    const files = await diffusersFormat.write({ ...model, config });
    const bias = (bytes: Uint8Array) => decodeSafetensors(bytes).tensors.get("conv_out.bias")?.data[0] as number;
    const weights = "unet/diffusion_pytorch_model.safetensors";
    expect(bias(files.get(weights) as Uint8Array)).toBe(-bias(await fixture("legacy").read(weights)));
    const scheduler = JSON.parse(new TextDecoder().decode(files.get(SCHEDULER)));
    expect(scheduler._class_name).toBe("FlowMatchEulerDiscreteScheduler");
    const folder = {
      name: "flow",
      files: [...files.keys()],
      read: async (path: string) => files.get(path) as Uint8Array,
    };
    const again = await diffusersFormat.read(folder);
    expect(again.config).toMatchObject({ process: "flow", target: "reverse-velocity" });
  });

  it("of Karras et al.'s process are told a quarter of the noise's logarithm", async () => {
    const scheduler = {
      _class_name: "EDMEulerScheduler",
      beta_schedule: undefined,
      sigma_data: 0.6,
      prediction_type: "epsilon",
    };
    const read = await diffusersFormat.read(await changedJson("legacy", SCHEDULER, scheduler));
    expect(read.config).toMatchObject({ process: "edm", target: "edm", unet: { timeFactor: 0.001 } });
    expect(read.weights.get("state.sigmaData")?.data[0]).toBeCloseTo(0.6);
  });
});

describe("what folders of diffusers are refused for", () => {
  it.each([
    ["plain", SCHEDULER, { prediction_type: "flow_prediction" }, /prediction_type "flow_prediction" is not supported/],
    ["plain", SCHEDULER, { beta_schedule: "laplace" }, /beta_schedule "laplace" is not supported/],
    ["plain", SCHEDULER, { trained_betas: [0.1] }, /trained_betas is not supported/],
    ["plain", UNET, { _class_name: "UNet2DConditionModel" }, /_class_name must be UNet2DModel/],
    [
      "plain",
      UNET,
      { down_block_types: ["SkipDownBlock2D", "AttnDownBlock2D"] },
      /down_block_types\.0 is .*SkipDownBlock2D/,
    ],
    ["plain", UNET, { out_channels: 2 }, /learned variances are not supported/],
    ["plain", UNET, { sample_size: null }, /sample_size must be a number or \[height, width\]/],
  ])("%s with another %s: %j", async (name, path, values, message) => {
    await expect(diffusersFormat.read(await changedJson(name, path, values))).rejects.toThrow(message);
  });

  it("only pickled weights", async () => {
    const folder = changed(fixture("plain"), {
      "unet/diffusion_pytorch_model.safetensors": undefined,
      "unet/diffusion_pytorch_model.bin": new Uint8Array(),
    });
    await expect(diffusersFormat.read(folder)).rejects.toThrow(/is a pickle, which is not read/);
  });

  it("networks and targets that diffusers has no words for", async () => {
    const read = await diffusersFormat.read(fixture("plain"));
    const write = (values: object) =>
      diffusersFormat.write({
        ...read,
        config: parseOptions("diffusion", diffusionConfig, { ...read.config, ...values }),
      });
    await expect(write({ network: "dit" })).rejects.toThrow(/only a U-Net can be written/);
    await expect(write({ target: "velocity" })).rejects.toThrow(/no vp process whose networks predict velocity/);
    await expect(write({ process: "edm", target: "edm" })).rejects.toThrow(/unet.timeFactor 0.001/);
  });
});
