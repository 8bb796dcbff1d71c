import type { Key } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  type ConvTransposeOptions,
  conv2d,
  conv2dInit,
  convTranspose2d,
  convTranspose2dInit,
  depthwiseConv2d,
  depthwiseConv2dInit,
} from "./conv.js";

const key = (a: number): Key => tf.tensor1d([a, 3], "int32");
const numbers = (t: tf.Tensor) => [...t.dataSync()];
const wave = (shape: number[], seed = 1) => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => Math.sin(seed * (i + 1) * 0.7)),
    shape,
  );
};

/** Largest difference of two tensors. */
const distance = (a: tf.Tensor, b: tf.Tensor) => numbers(tf.max(tf.abs(tf.sub(a, b))))[0] as number;

describe("conv2d", () => {
  it("against the sum it stands for: stride 2, no padding, bias", () => {
    const x = wave([1, 5, 4, 2]);
    const params = { kernel: wave([3, 2, 2, 3], 2), bias: tf.tensor1d([1, 2, 3]) };
    const [X, K] = [x.arraySync() as number[][][][], params.kernel.arraySync() as number[][][][]];
    const expected: number[] = [];
    for (let i = 0; i < 2; i++) {
      for (let j = 0; j < 2; j++) {
        for (let o = 0; o < 3; o++) {
          let sum = o + 1;
          for (let a = 0; a < 3; a++) {
            for (let b = 0; b < 2; b++) {
              for (let c = 0; c < 2; c++) sum += X[0]![2 * i + a]![2 * j + b]![c]! * K[a]![b]![c]![o]!;
            }
          }
          expected.push(sum);
        }
      }
    }
    const y = conv2d(params, x, { stride: 2, padding: "valid" });
    expect(y.shape).toEqual([1, 2, 2, 3]);
    expect(distance(y, tf.tensor(expected, [1, 2, 2, 3]))).toBeLessThan(1e-5);
  });

  it.each([
    [{}, [1, 7, 6, 4]],
    [{ stride: 2 }, [1, 4, 3, 4]],
    [{ stride: [1, 2] as const }, [1, 7, 3, 4]],
    [{ padding: "valid" as const }, [1, 5, 4, 4]],
    [{ dilation: 2, padding: "valid" as const }, [1, 3, 2, 4]],
  ])("shape with %j", (options, shape) => {
    const params = conv2dInit(key(1), 3, 4, 3);
    expect(params.kernel.shape).toEqual([3, 3, 3, 4]);
    expect(conv2d(params, tf.ones([1, 7, 6, 3]), options).shape).toEqual(shape);
  });
});

describe("convTranspose2d", () => {
  it.each<[ConvTransposeOptions, number, number[]]>([
    [{ stride: 2 }, 4, [2, 14, 10, 3]],
    [{ stride: 2 }, 3, [2, 14, 10, 3]],
    [{ stride: 1 }, 3, [2, 7, 5, 3]],
    [{ stride: 2, outputSize: [13, 9] }, 4, [2, 13, 9, 3]],
    [{ stride: 2, padding: "valid" }, 4, [2, 16, 12, 3]],
    [{ stride: 1, padding: "valid" }, 7, [2, 13, 11, 3]],
    [{ stride: [2, 1] }, 3, [2, 14, 5, 3]],
  ])("shape with %j, kernel %i; it is the gradient of the convolution back", (options, size, shape) => {
    const params = convTranspose2dInit(key(2), 2, 3, size, { bias: false });
    expect(params.kernel.shape).toEqual([size, size, 3, 2]);
    const x = wave([2, 7, 5, 2]);
    const y = convTranspose2d(params, x, options);
    expect(y.shape).toEqual(shape);
    const { outputSize: _, ...same } = options;
    const back = conv2d(params, y, same);
    expect(back.shape).toEqual(x.shape);
    const gradient = tf.grad((image: tf.Tensor) => tf.sum(tf.mul(conv2d(params, image, same), x)))(y);
    expect(distance(gradient, y)).toBeLessThan(1e-4);
  });

  it("has a bias a channel", () => {
    const params = { kernel: tf.zeros([2, 2, 3, 2]), bias: tf.tensor1d([1, 2, 3]) };
    expect(numbers(convTranspose2d(params, tf.ones([1, 1, 1, 2]))).slice(0, 3)).toEqual([1, 2, 3]);
  });
});

describe("depthwiseConv2d", () => {
  it("convolves every channel on its own", () => {
    const params = depthwiseConv2dInit(key(3), 3, 3, { multiplier: 2 });
    expect(params.kernel.shape).toEqual([3, 3, 3, 2]);
    const x = wave([2, 6, 5, 3]);
    const y = depthwiseConv2d(params, x, { stride: 2 });
    expect(y.shape).toEqual([2, 3, 3, 6]);
    const each = [0, 1, 2].map((c) => {
      const kernel = tf.slice(params.kernel, [0, 0, c, 0], [3, 3, 1, 2]);
      return conv2d({ kernel }, tf.slice(x, [0, 0, 0, c], [2, 6, 5, 1]), { stride: 2 });
    });
    expect(distance(y, tf.concat(each, 3))).toBeLessThan(1e-5);
  });
});

describe("gradients", () => {
  it("of kernels, biases and inputs agree with finite differences", () => {
    const x = wave([1, 5, 5, 2]);
    const layers: [(p: { kernel: tf.Tensor; bias: tf.Tensor }, x: tf.Tensor) => tf.Tensor, number[], number][] = [
      [(p, t) => conv2d(p, t, { stride: 2 }), [3, 3, 2, 2], 2],
      [(p, t) => convTranspose2d(p, t, { stride: 2 }), [3, 3, 2, 2], 2],
      [(p, t) => depthwiseConv2d(p, t), [3, 3, 2, 1], 2],
    ];
    for (const [layer, shape, channels] of layers) {
      const f = (kernel: tf.Tensor, bias: tf.Tensor, input: tf.Tensor) =>
        tf.sum(tf.sin(layer({ kernel, bias }, input))) as tf.Scalar;
      const args = [wave(shape, 2), wave([channels], 3), x];
      const grads = tf.grads(f as never)(args);
      args.forEach((arg, i) => {
        const direction = wave([...arg.shape], 5);
        const at = (h: number) =>
          numbers(
            f(
              ...(args.map((a, j) => (j === i ? tf.add(a, tf.mul(direction, h)) : a)) as [
                tf.Tensor,
                tf.Tensor,
                tf.Tensor,
              ]),
            ),
          )[0] as number;
        const slope = (at(1e-2) - at(-1e-2)) / 2e-2;
        const ours = numbers(tf.sum(tf.mul(grads[i] as tf.Tensor, direction)))[0] as number;
        expect(Math.abs(ours - slope)).toBeLessThan(0.01 * (1 + Math.abs(slope)));
      });
    }
  });
});
