import { compile, evalShape, hostTensor, jit, type ProgramFunction, type TensorSpec } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { onnx, toOnnx } from "../src/index.js";

const engine = onnx();
afterAll(() => engine.dispose());

const matrix = (n: number): TensorSpec => ({ shape: [n, n], dtype: "float32" });

/** Products enough to keep two cores busy for a while. */
const slow: ProgramFunction = (_state, { x }) => {
  let y = x as tf.Tensor2D;
  for (let i = 0; i < 12; i++) y = tf.tanh(tf.matMul(y, x as tf.Tensor2D));
  return { outputs: { y: tf.sum(y) } };
};

const square = (n: number) =>
  hostTensor(
    Float32Array.from({ length: n * n }, (_, i) => Math.sin(i) / n),
    [n, n],
  );

describe("onnx", () => {
  it("leaves the event loop alone while it computes", async () => {
    const program = await compile(engine, slow, { state: {}, inputs: { x: matrix(900) } }, engine.createStore());
    let ticks = 0;
    const timer = setInterval(() => ticks++, 2);
    const started = performance.now();
    await program.run({ x: square(900) });
    clearInterval(timer);
    const elapsed = performance.now() - started;
    expect(ticks).toBeGreaterThan(Math.min(5, elapsed / 20));
  });

  it("finishes what runs when a program is disposed, and refuses what comes after", async () => {
    const program = await compile(engine, slow, { state: {}, inputs: { x: matrix(300) } }, engine.createStore());
    const running = program.run({ x: square(300) });
    await program.dispose();
    const { y } = await running;
    expect(Number.isFinite(y.data[0])).toBe(true);
    await expect(program.run({ x: square(300) })).rejects.toThrow(/disposed/);
  });

  it("compiles a function once more for every shape", async () => {
    const f = (x: tf.Tensor) => tf.mul(x, 2);
    const g = jit(engine, f);
    expect([...(await g(tf.tensor1d([1, 2]))).dataSync()]).toEqual([2, 4]);
    expect([...(await g(tf.tensor1d([1, 2, 3]))).dataSync()]).toEqual([2, 4, 6]);
    await g.dispose();
  });

  it("refuses a number of threads that cannot be", () => {
    expect(() => onnx({ threads: 0 })).toThrow("@latentkit/engine-onnx: threads must be a positive integer, got 0");
  });
});

describe("toOnnx", () => {
  it("writes a file that onnxruntime runs to the same numbers", async () => {
    const w = tf.tensor4d(
      Float32Array.from({ length: 36 }, (_, i) => Math.cos(i)),
      [3, 3, 1, 4],
    );
    const f = (x: tf.Tensor) => tf.softmax(tf.mean(tf.relu(tf.conv2d(x as tf.Tensor4D, w, 2, "same")), [1, 2]));
    const spec: TensorSpec = { shape: [2, 7, 5, 1], dtype: "float32" };
    const bytes = await toOnnx(f, [spec]);
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
    const x = Float32Array.from({ length: 70 }, (_, i) => Math.sin(i));
    const { y } = (await session.run({ x0: new Tensor("float32", x, [2, 7, 5, 1]) })) as { y: Tensor };
    const expected = f(tf.tensor4d(x, [2, 7, 5, 1])).dataSync();
    expect(y.dims).toEqual((evalShape(({ a }) => f(a), { a: spec }) as TensorSpec).shape);
    expected.forEach((value, i) => {
      expect((y.data as Float32Array)[i]).toBeCloseTo(value, 5);
    });
  });

  it("writes gradients too: a whole backward pass is one file", async () => {
    const spec: TensorSpec = { shape: [3], dtype: "float32" };
    const bytes = await toOnnx((x) => tf.grad((a: tf.Tensor) => tf.sum(tf.exp(tf.mul(a, 2))))(x as tf.Tensor), [spec]);
    const session = await InferenceSession.create(bytes, { logSeverityLevel: 4 });
    const x0 = new Tensor("float32", Float32Array.from([0, 0.5, -1]), [3]);
    const { y } = (await session.run({ x0 })) as { y: Tensor };
    [0, 0.5, -1].forEach((value, i) => {
      expect((y.data as Float32Array)[i]).toBeCloseTo(2 * Math.exp(2 * value), 4);
    });
  });
});
