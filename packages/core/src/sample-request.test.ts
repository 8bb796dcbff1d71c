import { hostTensor } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { checkRequest, chunkRequests, labelTensor, sampleInputs } from "./sample-request.js";

const taken = { init: { shape: [2], summary: "what to change" } };
const rows = (n: number) =>
  hostTensor(
    Float32Array.from({ length: 2 * n }, (_, i) => i),
    [n, 2],
  );

describe("a sampling request", () => {
  it("is cut into calls of equal size, labels and tensors with it, the last row repeated", () => {
    const request = { n: 5, label: [0, 1, 2, 3, 4], inputs: { init: rows(5) }, options: { steps: 3 } };
    const parts = chunkRequests(request, 2);
    expect(parts.map(({ n }) => n)).toEqual([2, 2, 2]);
    expect(parts.map(({ label }) => label)).toEqual([
      [0, 1],
      [2, 3],
      [4, 4],
    ]);
    expect(Array.from(parts[2]?.inputs?.init?.data ?? [])).toEqual([8, 9, 8, 9]);
    expect(parts[1]?.options).toEqual({ steps: 3 });
    expect(chunkRequests(request, 5)).toEqual([request]);
  });

  it("has one row a sample, also where one was given for all", () => {
    expect(Array.from(sampleInputs({ n: 3, inputs: { init: rows(1) } }, taken)?.init?.data ?? [])).toEqual([
      0, 1, 0, 1, 0, 1,
    ]);
    expect(sampleInputs({ n: 3 }, taken)).toBeUndefined();
    const spread = { init: { ...taken.init, spread: true } };
    expect(sampleInputs({ n: 3, inputs: { init: rows(1) } }, spread)?.init?.shape).toEqual([1, 2]);
    expect(Array.from(labelTensor({ n: 2, label: 7 })?.data ?? [])).toEqual([7, 7]);
  });

  it.for([
    [{ n: 0 }, "n must be a whole number from 1, got 0"],
    [{ n: 2, label: [1] }, "1 labels were given for n = 2 samples"],
    [{ n: 2, label: 3 }, "label must be a whole number from 0 to 2, got 3"],
    [{ n: 2, inputs: { inti: rows(2) } }, 'unknown sampling input "inti" (did you mean "init"?); known: init'],
    [{ n: 2, inputs: { init: rows(3) } }, "init must have shape [2,2] or [1,2] for n 2, got [3,2]; reshape it"],
  ] as const)("%j is refused", ([request, refusal]) => {
    expect(() => checkRequest(request, 3, taken)).toThrow(refusal);
  });

  it("takes any length where the model does, of its dtype, in rows that divide n where they are spread", () => {
    const prompt = { prompt: { shape: [null], dtype: "int32", spread: true, summary: "" } } as const;
    const check = (shape: number[], dtype: "int32" | "float32" = "int32", n = 4) =>
      checkRequest(
        { n, inputs: { prompt: hostTensor(new Int32Array(shape[0]! * shape[1]!), shape, dtype) } },
        undefined,
        prompt,
      );
    for (const rowCount of [1, 2, 4]) expect(() => check([rowCount, 7])).not.toThrow();
    expect(() => check([3, 7])).toThrow(
      "prompt must have shape [4,length] or [1,length] or with rows that divide n for n 4, got [3,7]",
    );
    expect(() => check([1, 7], "float32")).toThrow("prompt must be int32, got float32");
  });

  it("is refused tensors by a model that takes none", () => {
    expect(() => checkRequest({ n: 1, inputs: { init: rows(1) } }, undefined, {})).toThrow(
      "samples from noise and takes none",
    );
  });
});
