import { type DatumSpec, flatten, type TensorTree } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { key, numbers } from "../../test/support.js";
import { ditConfig, ditNetwork } from "./dit.js";
import { sinusoids } from "./time-features.js";
import { type UNetConfig, unetConfig } from "./unet/config.js";
import { unetNetwork } from "./unet/network.js";
import { planUNet } from "./unet/plan.js";

const config = (options: object): UNetConfig => unetConfig.parse(options);
const subject = (shape: DatumSpec["shape"], classes?: number) => ({ shape, classes });
const small = { blockOutChannels: [4, 8], normNumGroups: 2, attentionHeadDim: 4 };

/** A network whose last layers, which begin at zero, are not zero. */
const stirred = (params: TensorTree): TensorTree => {
  const noise = (tensor: tf.Tensor, i: number) =>
    tf.add(tensor, tf.mul(tf.randomNormal(tensor.shape, 0, 1, "float32", i), 0.2));
  let i = 0;
  const stir = (node: any): any =>
    node instanceof tf.Tensor
      ? noise(node, i++)
      : Object.fromEntries(Object.entries(node).map(([k, v]) => [k, stir(v)]));
  return stir(params);
};

describe("the U-Net", () => {
  it("halves 28x28 twice by default, and takes up what each level left", () => {
    const plan = planUNet(config({}), { shape: [28, 28, 1] });
    expect(plan.down.map(({ channels }) => channels)).toEqual([32, 64, 64]);
    expect(plan.down.map(({ sampler }) => sampler)).toEqual(["conv", "conv", undefined]);
    expect(plan.down.map(({ attention }) => attention)).toEqual([false, false, true]);
    const skipped = [
      32,
      ...plan.down.flatMap(({ resnets, channels, sampler }) => [
        ...resnets.map(() => channels),
        ...(sampler ? [channels] : []),
      ]),
    ];
    const taken = plan.up.flatMap(({ resnets }, i) => {
      const before = [plan.mid?.channels, ...plan.up.map(({ channels }) => channels)][i] as number;
      return resnets.map(({ inputs, outputs }, j) => inputs - (j === 0 ? before : outputs));
    });
    expect(taken).toEqual(skipped.reverse());
  });

  it("begins by predicting zeros, whatever it sees", () => {
    const network = unetNetwork(config(small), subject([8, 8, 1], 3));
    const x = tf.randomNormal([2, 8, 8, 1], 0, 1, "float32", 1);
    const y = network.apply(network.init(key(0)), x, {
      time: tf.tensor1d([3, 900]),
      label: tf.tensor1d([0, 2], "int32"),
    });
    expect(y.shape).toEqual(x.shape);
    expect(Math.max(...numbers(tf.abs(y)))).toBe(0);
  });

  it("depends on the time and the class, and in training on the dropout's key", () => {
    const network = unetNetwork(config({ ...small, dropout: 0.5 }), subject([4, 4, 1], 3));
    const params = stirred(network.init(key(0)));
    const x = tf.randomNormal([1, 4, 4, 1], 0, 1, "float32", 1);
    const at = (time: number, label: number, seed?: number) =>
      numbers(
        network.apply(
          params,
          x,
          { time: tf.tensor1d([time]), label: tf.tensor1d([label], "int32") },
          seed === undefined ? undefined : key(seed),
        ),
      );
    const base = at(100, 0);
    expect(at(100, 0)).toEqual(base);
    for (const other of [at(200, 0), at(100, 1), at(100, 0, 1), at(100, 0, 2)]) expect(other).not.toEqual(base);
    expect(at(100, 0, 1)).toEqual(at(100, 0, 1));
    expect(at(100, 0, 1)).not.toEqual(at(100, 0, 2));
  });

  it("names its parameters as diffusers does", () => {
    const network = unetNetwork(config(small), subject([8, 8, 1]));
    const paths = flatten<tf.Tensor>(network.init(key(0)) as never).map(([path]) => path);
    expect(paths).toEqual(
      expect.arrayContaining([
        "conv_in.kernel",
        "time_embedding.linear_1.kernel",
        "down_blocks.0.resnets.0.time_emb_proj.kernel",
        "down_blocks.0.downsamplers.0.conv.kernel",
        "down_blocks.1.resnets.0.conv_shortcut.kernel",
        "down_blocks.1.attentions.0.to_out.0.bias",
        "mid_block.attentions.0.group_norm.scale",
        "up_blocks.0.upsamplers.0.conv.bias",
        "up_blocks.1.resnets.1.norm1.offset",
        "conv_norm_out.scale",
      ]),
    );
  });

  it.each([
    [
      "sizes that halving does not divide",
      { shape: [30, 28, 1], options: {} },
      /images of 30x28 cannot be halved 2 times/,
    ],
    ["data that are no images", { shape: [2], options: {} }, /must not be unet for data of shape \[2\]/],
    [
      "groups that do not divide",
      { shape: [8, 8, 1], options: { blockOutChannels: [32, 36] } },
      /8 does not divide 36/,
    ],
    [
      "kinds for other levels",
      { shape: [8, 8, 1], options: { downBlockTypes: ["DownBlock2D"] } },
      /one kind for each of the 3 entries/,
    ],
  ])("refuses %s", (_name, { shape, options }, message) => {
    expect(() => unetNetwork(config(options), subject(shape))).toThrow(message);
  });

  it("refuses heads wider than a level", () => {
    const network = unetNetwork(config({ ...small, attentionHeadDim: 16 }), subject([8, 8, 1]));
    expect(() => network.init(key(0))).toThrow(/attentionHeadDim must be at most the 8 channels/);
  });
});

describe("the diffusion transformer", () => {
  const sizes = ditConfig.parse({ patch: 2, width: 8, depth: 2, heads: 2 });

  it("begins by predicting zeros, and sees the whole picture, the time and the class", () => {
    const network = ditNetwork(sizes, subject([4, 6, 1], 3));
    const params = network.init(key(0));
    const x = tf.randomNormal([1, 4, 6, 1], 0, 1, "float32", 1);
    const at = (p: TensorTree, picture: tf.Tensor, time: number, label: number) =>
      numbers(network.apply(p, picture, { time: tf.tensor1d([time]), label: tf.tensor1d([label], "int32") }));
    expect(at(params, x, 10, 0).every((value) => value === 0)).toBe(true);
    const trained = stirred(params);
    const base = at(trained, x, 10, 0);
    expect(base).toHaveLength(24);
    const corner = tf.add(x, tf.tensor([1, ...Array(23).fill(0)], [1, 4, 6, 1])); // the first pixel only
    const changed = at(trained, corner, 10, 0);
    expect(changed.every((value, i) => value !== base[i])).toBe(true);
    expect(at(trained, x, 500, 0)).not.toEqual(base);
    expect(at(trained, x, 10, 2)).not.toEqual(base);
  });

  it.each([
    [{ patch: 3 }, [4, 6, 1], /dit.patch must divide both sides of 4x6 images, got 3/],
    [{ heads: 3 }, [4, 6, 1], /dit.width must be even and divided by dit.heads, got 8 and 3/],
    [{}, [5], /must not be dit for data of shape \[5\]/],
  ])("refuses %j for %j", (options, shape, message) => {
    expect(() => ditNetwork({ ...sizes, ...options }, subject(shape))).toThrow(message);
  });
});

describe("sinusoids", () => {
  it("are cosines and sines at frequencies from 1 down", () => {
    const values = numbers(sinusoids(tf.tensor1d([2]), 5, { flipSinToCos: true, freqShift: 1 }));
    [Math.cos(2), Math.cos(2e-4), Math.sin(2), Math.sin(2e-4), 0].forEach((value, i) => {
      expect(values[i]).toBeCloseTo(value, 6);
    });
  });
});
