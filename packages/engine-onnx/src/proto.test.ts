import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { OnnxBuilder } from "./lowering/builder.js";
import { encodeModel } from "./proto.js";

describe("encodeModel", () => {
  test("onnxruntime reads constants and attributes of every kind", async () => {
    const b = new OnnxBuilder();
    b.label = "test";
    const x = { name: "x", shape: [2, 3], type: "float32" as const };
    const scaled = b.mul(x, b.constant([1, 2, 3], [3]));
    const leaky = b.unary("LeakyRelu", scaled, { attributes: { alpha: { float: 0.25 } } });
    const padded = b.pad(b.transpose(leaky, [1, 0]), [0, 1], [0, 0], 7);
    const session = await InferenceSession.create(encodeModel(b.finish([x], [padded])));
    const feeds = { x: new Tensor("float32", Float32Array.of(1, -2, 3, -4, 5, -6), [2, 3]) };
    const out = (await session.run(feeds))[padded.name] as Tensor;
    expect(out.dims).toEqual([3, 3]);
    expect([...(out.data as Float32Array)]).toEqual([7, 1, -1, 7, -1, 10, 7, 9, -4.5]);
    await session.release();
  });

  test("writes the format and operator set versions first", () => {
    const x = { name: "x", shape: [1], type: "float32" as const };
    const bytes = encodeModel(new OnnxBuilder().finish([x], [x]));
    expect([...bytes.slice(0, 2)]).toEqual([8, 9]); // field 1, varint: IR version 9
  });
});
