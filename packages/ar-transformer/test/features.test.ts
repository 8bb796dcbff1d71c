import { type Dataset, type DatumSpec, hostTensor, type Split, train } from "@latentkit/core";
import { onnx } from "@latentkit/engine-onnx";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, it } from "vitest";
import { arTransformerConfig } from "../src/config.js";
import { createArTransformer } from "../src/model.js";
import { arTransformer } from "../src/plugin.js";
import { wireTransformer } from "../src/transformer.js";

const SIDE = 4;
const bars: DatumSpec = { kind: "binary", shape: [SIDE, SIDE, 1], range: [0, 1], classes: 2 };

/** Images of bars that lie (class 0) or stand (class 1), two of four at a time: every pixel is as often set in one class as in the other. */
function barSplit(from: number, size: number): Split {
  const pick = [3, 5, 6, 9, 10, 12];
  return {
    size,
    fields: { x: { shape: bars.shape, dtype: "float32" }, label: { shape: [], dtype: "int32" } },
    gather(indices) {
      const rows = Array.from(indices, (i) => i + from);
      const pixels = rows.flatMap((i) => {
        const chosen = pick[(i >> 1) % pick.length] as number;
        return Array.from({ length: SIDE ** 2 }, (_, at) => {
          const line = i % 2 === 0 ? Math.floor(at / SIDE) : at % SIDE;
          return (chosen >> line) & 1;
        });
      });
      const label = rows.map((i) => i % 2);
      return {
        x: hostTensor(pixels, [rows.length, ...bars.shape]),
        label: hostTensor(label, [rows.length], "int32"),
      };
    },
  };
}

const dataset: Dataset = {
  ...{ name: "bars", title: "lying and standing bars", datum: bars, licence: "none", source: "drawn here", files: {} },
  splits: { train: barSplit(0, 120), test: barSplit(120, 60) },
};

describe("features", () => {
  const engine = onnx();
  afterAll(() => engine.dispose());

  it("lay classes open that no line through the pixels parts", async () => {
    const run = await train({
      model: arTransformer({ nLayer: 2, nHead: 2, nEmbd: 16 }),
      data: { name: "bars", options: {}, load: async () => dataset },
      engine,
      steps: 60,
      batchSize: 24,
      checkpointEvery: 0,
      onWarning: () => {},
    });
    const { linearProbe } = await run.evaluate(["linearProbe"]);
    expect(linearProbe?.value).toBeGreaterThan(0.9);
    expect(linearProbe?.note).toMatch(/^16 features, .* on the 16 values themselves 0\.[3-6]/);
  });

  it("are of the tokens up to the end, whatever fills the row behind it", () => {
    const documents: DatumSpec = { kind: "tokens", shape: [5], vocabulary: 9, special: { pad: 0, bos: 1, eos: 2 } };
    const config = arTransformerConfig.parse({ nLayer: 3, nHead: 2, nEmbd: 8 });
    const model = createArTransformer(config, documents);
    const { network } = wireTransformer(config, documents);
    const params = network.init(tf.tensor1d([1, 2], "int32") as never);
    const features = (...rows: number[][]) =>
      model.features?.(params, {}, { x: tf.tensor2d(rows, [rows.length, 5], "int32") }).arraySync() as number[][];
    const [long, short, other] = features([5, 6, 7, 8, 2], [5, 6, 2, 0, 0], [5, 7, 2, 0, 0]) as [
      number[],
      number[],
      number[],
    ];
    expect(long).toHaveLength(8);
    const all = network.features?.(params, {
      inputs: tf.tensor2d([[1, 5, 6]], [1, 3], "int32"),
      targets: tf.tensor2d([[5, 6, 2]], [1, 3], "int32"),
    }) as tf.Tensor;
    const mean = tf.mean(all, 1).arraySync() as number[][];
    expect(short).toEqual(mean[0]?.map((value) => expect.closeTo(value, 4)));
    expect(Math.max(...short.map((value, i) => Math.abs(value - (other[i] as number))))).toBeGreaterThan(1e-2);
  });
});
