import {
  compareManifolds,
  frechetEstimate,
  type HostTensor,
  hostKey,
  kernelDistance,
  philoxNormal,
  points,
} from "@latentkit/core";
import { mnist } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { mnistCnn } from "../src/index.js";

const engine = onnx();
afterAll(() => engine.dispose());

const N = 1000;
const SIDE = 28;

/** Images that are worse and worse digits, and their features. */
const sets: Record<string, ReturnType<typeof points>> = {};

beforeAll(async () => {
  const { train, test } = (await mnist().load(0)).splits;
  const first = (split: typeof train) =>
    split.gather(Int32Array.from({ length: N }, (_, i) => i)).x as HostTensor & { data: Float32Array };
  const images: Record<string, Float32Array> = {
    reference: first(test).data,
    real: first(train).data,
    noisy: withNoise(first(train).data, 0.3),
    blurred: blurred(first(train).data),
    noise: Float32Array.from(philoxNormal(hostKey(0, "noise"), N * SIDE * SIDE), (z) => Math.min(1, Math.abs(z))),
  };
  const open = await mnistCnn.open(engine);
  for (const [name, data] of Object.entries(images)) {
    const { features } = await open.extract({ shape: [N, SIDE, SIDE, 1], dtype: "float32", data });
    sets[name] = points(features.data as Float32Array, 64);
  }
  await open.dispose();
});

const withNoise = (data: Float32Array, sigma: number): Float32Array => {
  const noise = philoxNormal(hostKey(0, "pixels"), data.length);
  return data.map((x, i) => Math.min(1, Math.max(0, x + sigma * (noise[i] as number))));
};

/** Mean of 3x3 pixels, twice. */
function blurred(data: Float32Array): Float32Array {
  const pass = (from: Float32Array) =>
    from.map((_, i) => {
      const [image, row, column] = [Math.floor(i / SIDE ** 2), Math.floor(i / SIDE) % SIDE, i % SIDE];
      let sum = 0;
      for (const r of [row - 1, row, row + 1]) {
        for (const c of [column - 1, column, column + 1]) {
          if (r >= 0 && r < SIDE && c >= 0 && c < SIDE) sum += from[(image * SIDE + r) * SIDE + c] as number;
        }
      }
      return sum / 9;
    });
  return pass(pass(data));
}

describe("real data, damaged data and noise stand in this order, far apart", () => {
  const of = (name: string) => sets[name] as ReturnType<typeof points>;
  const inOrder = (values: number[], factor: number) => {
    for (const [i, value] of values.slice(1).entries()) expect(value).toBeGreaterThan(factor * (values[i] as number));
  };

  it("by feature FID", async () => {
    const fid = (name: string) => frechetEstimate(of(name), of("reference"));
    const [real, noisy, blurry, noise] = await Promise.all(["real", "noisy", "blurred", "noise"].map(fid));
    if (!real || !noisy || !blurry || !noise) throw new Error("four estimates expected");
    inOrder([real.value, noisy.value, noise.value], 2);
    inOrder([real.value, blurry.value, noise.value], 2);
    expect(real.stderr).toBeLessThan(0.2 * real.value);
  });

  it("by feature KID", async () => {
    const kid = async (name: string) => (await kernelDistance(of(name), of("reference"))).value;
    inOrder([Math.max(0, await kid("real")), await kid("noisy"), await kid("noise")], 2);
  });

  it("by precision, recall, density and coverage", async () => {
    const real = await compareManifolds(of("reference"), of("real"));
    const noise = await compareManifolds(of("reference"), of("noise"));
    expect(real.precision.value).toBeGreaterThan(0.7);
    expect(real.recall.value).toBeGreaterThan(0.7);
    expect(real.coverage.value).toBeGreaterThan(0.8);
    expect(noise.precision.value).toBeLessThan(0.05);
    expect(noise.coverage.value).toBeLessThan(0.05);
  });
});
