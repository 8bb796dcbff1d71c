import { eager, type HostTensor, hostTensor, nn } from "@latentkit/core";
import { onnx } from "@latentkit/engine-onnx";
import { checkGradient } from "@latentkit/jit/testing";
import * as tf from "@tensorflow/tfjs-core";
import { afterAll, describe, expect, it } from "vitest";
import { evaluateOn, image, key, spread } from "../test/support.js";
import { ganConfig } from "./config.js";
import { downsample, leaky } from "./layers.js";
import { withWaves } from "./networks/mlp.js";
import { createNetworks } from "./networks.js";
import { squaredGradientNorms } from "./penalties.js";
import { settle } from "./presets.js";
import { spectralInit, spectralNormalize } from "./spectral-norm.js";

/*
 * A gradient penalty is a function of the discriminator's gradient, so training with it differentiates every layer twice. Here that derivative,
 * with respect to data and parameters, is compared with differences of the penalty's values, layer by layer, on both engines.
 */

const engines = { eager: eager(), onnx: onnx({ threads: 1 }) };
afterAll(async () => {
  for (const engine of Object.values(engines)) await engine.dispose();
});

const host = (tensor: tf.Tensor): HostTensor => hostTensor(Float32Array.from(tensor.dataSync()), tensor.shape);

/** `E ||grad_x g(layer(x))||^2` with a curved g, so that no layer's second derivative is lost in a linear end. */
const penalised =
  (layer: (x: tf.Tensor, ...weights: tf.Tensor[]) => tf.Tensor) =>
  ([x, ...weights]: tf.Tensor[]): tf.Tensor => {
    const critic = (input: tf.Tensor) => {
      const y = tf.reshape(layer(input, ...weights), [input.shape[0] as number, -1]);
      return tf.sum(tf.softplus(y), 1);
    };
    return tf.mean(squaredGradientNorms(critic, x as tf.Tensor));
  };

const conv =
  (stride: number) =>
  (x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor): tf.Tensor =>
    nn.conv2d({ kernel, bias }, x, { stride });

/** Away from the kink of leaky relu, where there is no derivative. */
const away = (shape: number[]) => tf.add(tf.mul(spread(shape), 0.4), tf.mul(tf.sign(spread(shape)), 0.3));

const layers: [string, (x: tf.Tensor, ...weights: tf.Tensor[]) => tf.Tensor, tf.Tensor[]][] = [
  [
    "dense",
    (x, kernel, bias) => nn.linear({ kernel: kernel as tf.Tensor, bias: bias as tf.Tensor }, x),
    [spread([3, 4]), spread([4, 5], 2), spread([5], 3)],
  ],
  ["3x3 convolution", conv(1) as never, [spread([2, 4, 4, 2]), spread([3, 3, 2, 3], 2), spread([3], 3)]],
  ["4x4 convolution of stride 2", conv(2) as never, [spread([2, 6, 6, 2]), spread([4, 4, 2, 3], 2), spread([3], 3)]],
  ["leaky relu", (x) => leaky(x), [away([3, 4])]],
  ["sines and cosines", (x) => withWaves(x, 3), [spread([3, 2])]],
  ["halving by means", (x) => downsample(x), [spread([2, 4, 4, 3])]],
  [
    "residual branch",
    (x, a, b) => {
      const inner = nn.conv2d({ kernel: a as tf.Tensor }, tf.add(leaky(x), 3)); // far above the kink
      return tf.add(x, nn.conv2d({ kernel: b as tf.Tensor }, leaky(tf.add(inner, 5))));
    },
    [away([1, 4, 4, 2]), tf.mul(spread([3, 3, 2, 2], 2), 0.1), tf.mul(spread([3, 3, 2, 2], 3), 0.05)],
  ],
  [
    "projection of a label",
    (x, vectors) => {
      const rows = tf.matMul(tf.oneHot(tf.tensor1d([0, 2, 1], "int32"), 3, 1, 0, "float32"), vectors as tf.Tensor2D);
      return tf.sum(tf.mul(rows, tf.square(x)), 1, true);
    },
    [spread([3, 4]), spread([3, 4], 2)],
  ],
];

describe.each(Object.entries(engines))("second derivatives on engine %s", (_name, engine) => {
  it.each(layers)("%s", async (_layer, layer, inputs) => {
    const options = { evaluate: evaluateOn(engine), tolerance: 5e-3, directions: 3 };
    await expect(checkGradient(penalised(layer), inputs.map(host), options)).resolves.toBeUndefined();
  });

  it("a spectrally normalised kernel", async () => {
    const kernel = spread([4, 3], 2);
    let vectors = spectralInit(key(0), { kernel });
    for (let i = 0; i < 50; i++) vectors = spectralNormalize({ kernel }, vectors, { update: true }).vectors;
    const fixed = vectors as Record<string, tf.Tensor>;
    const u = host(fixed.kernel as tf.Tensor);
    // u is given and held, so the derivative through sigma = |W u| is exact at any W
    const layer = (x: tf.Tensor, w: tf.Tensor) => {
      const used = spectralNormalize({ kernel: w }, { kernel: tf.tensor(u.data, [...u.shape]) }, { update: false });
      return tf.matMul(x as tf.Tensor2D, (used.params as Record<string, tf.Tensor>).kernel as tf.Tensor2D);
    };
    const options = { evaluate: evaluateOn(engine), tolerance: 5e-3 };
    const inputs = [spread([3, 4]), kernel].map(host);
    await expect(checkGradient(penalised(layer as never), inputs, options)).resolves.toBeUndefined();
  });
});

describe.each(["dcgan", "resnet", "mlp"] as const)("the penalty's gradient of a whole %s discriminator", (network) => {
  it("is the same on both engines", async () => {
    const settings = settle(
      ganConfig.parse({ network, width: 4, hidden: [12, 8], latentDim: 2, norm: "none", penalty: "r1" }),
      image(8, 8, 1),
    );
    const { discriminator } = createNetworks(settings, image(8, 8, 1), undefined);
    const x = host(spread([3, 8, 8, 1]));
    const run = ([input]: tf.Tensor[]) => {
      const params = discriminator.init(key(3)) as unknown as {
        body: Record<string, Record<string, tf.Tensor>>;
        head: { kernel: tf.Tensor };
      };
      const value = (head: tf.Tensor) => {
        const critic = (data: tf.Tensor) =>
          discriminator.apply({ ...params, head: { ...params.head, kernel: head } } as never, data, undefined);
        return tf.mean(squaredGradientNorms(critic, input as tf.Tensor));
      };
      return [tf.grad(value)(params.head.kernel)];
    };
    const results = [];
    for (const engine of Object.values(engines)) results.push((await evaluateOn(engine)(run, [x]))[0] as HostTensor);
    const [cpu, fast] = results as [HostTensor, HostTensor];
    const scale = Math.max(...Array.from(cpu.data, Math.abs));
    expect(scale).toBeGreaterThan(0);
    cpu.data.forEach((value, i) => {
      expect(Math.abs(value - (fast.data[i] as number))).toBeLessThan(1e-4 * scale);
    });
  });
});
