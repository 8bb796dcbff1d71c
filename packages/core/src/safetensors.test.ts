import { hostTensor, UserError } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** A file made by hand. */
function file(header: unknown, data: ArrayLike<number> = [], headerLength?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength ?? text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

const bytesOf = (values: ArrayBufferView): Uint8Array => new Uint8Array(values.buffer);

const values = new Map([
  ["params.b", hostTensor([1.5, -2, Math.PI], [3])],
  ["params.a", hostTensor([1, -2, 2 ** 31 - 1, -(2 ** 31)], [2, 2], "int32")],
  ["mask", hostTensor([0, 1, 1], [3], "bool")],
  ["step", hostTensor([7], [], "int32")],
  ["empty", hostTensor([], [0, 4])],
]);

describe("encodeSafetensors", () => {
  it("writes what decodeSafetensors reads, with metadata", () => {
    const read = decodeSafetensors(encodeSafetensors(values, { b: "2", a: "é" }));
    expect(read.metadata).toEqual({ a: "é", b: "2" });
    expect([...read.tensors.keys()]).toEqual(["empty", "params.a", "params.b", "step", "mask"]);
    for (const [name, tensor] of values) expect(read.tensors.get(name)).toEqual(tensor);
  });

  it("writes the same bytes for the same content in another order", () => {
    const reversed = new Map([...values].reverse());
    expect(encodeSafetensors(reversed, { a: "1", b: "2" })).toEqual(encodeSafetensors(values, { b: "2", a: "1" }));
  });

  // The reference implementation (safetensors 0.8.0 for Python) reads exactly these bytes.
  it("writes these bytes", () => {
    const bytes = encodeSafetensors(
      new Map([
        ["2", hostTensor([1], [1])],
        ["10", hostTensor([1], [], "bool")],
      ]),
      { k: "v" },
    );
    const header =
      '{"__metadata__":{"k":"v"},"2":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"10":{"dtype":"BOOL","shape":[],"data_offsets":[4,5]}}';
    expect(bytes).toEqual(file(header.padEnd(136), [0, 0, 128, 63, 1]));
  });

  it("starts data at a multiple of 8 and keeps 4-byte tensors aligned behind bools", () => {
    const mixed = new Map([
      ["a", hostTensor([1], [1], "bool")],
      ["b", hostTensor([1], [1])],
    ]);
    const bytes = encodeSafetensors(mixed);
    expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
    expect(new TextDecoder().decode(bytes)).toMatch(/"b":.*"data_offsets":\[0,4\].*"a":.*"data_offsets":\[4,5\]/);
  });

  it("keeps NaN payloads, infinities and -0", () => {
    const odd = new Float32Array(new Uint32Array([0x7fc00001, 0x7f800000, 0xff800000, 0x80000000]).buffer);
    const { tensors } = decodeSafetensors(encodeSafetensors(new Map([["x", hostTensor(odd, [4])]])));
    const read = tensors.get("x")?.data as Float32Array;
    expect(bytesOf(read)).toEqual(bytesOf(odd));
  });

  it("refuses the reserved name and values that do not fill the shape", () => {
    expect(() => encodeSafetensors(new Map([["__metadata__", hostTensor([1], [1])]]))).toThrow("cannot be named");
    const wrong = { shape: [3], dtype: "float32", data: new Float32Array(2) } as const;
    expect(() => encodeSafetensors(new Map([["w", wrong]]))).toThrow("tensor w has 2 values, shape [3]");
  });
});

describe("decodeSafetensors converts", () => {
  const read = (dtype: string, shape: number[], data: ArrayBufferView) => {
    const bytes = file({ x: { dtype, shape, data_offsets: [0, data.byteLength] } }, bytesOf(data));
    return decodeSafetensors(bytes).tensors.get("x");
  };

  it("F16 exactly, with subnormals, infinities and NaN", () => {
    const halves = new Uint16Array([0x3c00, 0xc000, 0x7bff, 0x0001, 0x83ff, 0x7c00, 0xfc00, 0x7e00, 0x3555]);
    const expected = [1, -2, 65504, 2 ** -24, -1023 * 2 ** -24, Infinity, -Infinity, NaN, 0.333251953125];
    expect(read("F16", [9], halves)).toEqual(hostTensor(expected, [9]));
  });

  it("BF16 exactly", () => {
    expect(read("BF16", [4], new Uint16Array([0x3f80, 0xc040, 0x7f80, 0x0001]))).toEqual(
      hostTensor([1, -3, Infinity, 2 ** -133], [4]),
    );
  });

  it("F64 to the nearest float32", () => {
    expect(read("F64", [3], new Float64Array([0.1, -1e300, 3]))).toEqual(
      hostTensor([Math.fround(0.1), -Infinity, 3], [3]),
    );
  });

  it("U8 and I64 to int32, refusing what does not fit", () => {
    expect(read("U8", [2], new Uint8Array([0, 255]))).toEqual(hostTensor([0, 255], [2], "int32"));
    const wide = new BigInt64Array([-(2n ** 31n), 2n ** 31n - 1n]);
    expect(read("I64", [2], wide)).toEqual(hostTensor([-(2 ** 31), 2 ** 31 - 1], [2], "int32"));
    expect(() => read("I64", [1], new BigInt64Array([2n ** 31n]))).toThrow('tensor "x" of dtype I64 holds 2147483648');
  });

  it("nothing when the buffer starts at an odd address", () => {
    const bytes = encodeSafetensors(values);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(decodeSafetensors(shifted.subarray(1)).tensors.get("params.b")).toEqual(values.get("params.b"));
  });

  it("nothing when the bytes are a Node Buffer, and copies them", () => {
    const buffer = Buffer.from(encodeSafetensors(values));
    const { tensors } = decodeSafetensors(buffer);
    buffer.fill(1);
    for (const [name, tensor] of values) expect(tensors.get(name)).toEqual(tensor);
  });
});

describe("decodeSafetensors refuses", () => {
  const x = { dtype: "F32", shape: [1], data_offsets: [0, 4] };
  const four = [0, 0, 0, 0];
  const cases: [name: string, bytes: Uint8Array, message: string][] = [
    ["a file of 3 bytes", Uint8Array.of(1, 2, 3), "it has 3 bytes"],
    ["a header beyond the file", file({}, [], 99), "header length 99 goes beyond the file's 10 bytes"],
    ["text that is not JSON", file("{x"), "the header is not JSON"],
    ["bytes that are not UTF-8", file("{}").with(9, 0xff), "the header is not JSON in UTF-8"],
    ["a list", file([]), "the header is not a JSON object"],
    [
      "a name given twice",
      file(`{"a":${JSON.stringify(x)},"\\u0061":${JSON.stringify(x)}}`, four),
      'tensor "a" is given twice',
    ],
    ["metadata of numbers", file({ __metadata__: { a: 1 } }), "__metadata__ is not a map of strings"],
    ["a tensor that is no object", file({ a: 1 }), 'tensor "a" is not described by an object'],
    [
      "an unknown dtype",
      file({ a: { ...x, dtype: "F8_E4M3" } }, four),
      'tensor "a" has dtype "F8_E4M3", readable are F32',
    ],
    ["a dtype from Object.prototype", file({ a: { ...x, dtype: "toString" } }, four), 'has dtype "toString"'],
    ["a negative dimension", file({ a: { ...x, shape: [-1] } }, four), 'tensor "a" has shape [-1]'],
    ["missing offsets", file({ a: { dtype: "F32", shape: [] } }, four), 'tensor "a" has data_offsets undefined'],
    [
      "offsets against the shape",
      file({ a: { ...x, shape: [2] } }, four),
      "shape [2] needs 8 bytes, its offsets give 4",
    ],
    ["reversed offsets", file({ a: { ...x, data_offsets: [4, 0] } }, four), "needs 4 bytes, its offsets give -4"],
    ["data cut short", file({ a: x }, [0, 0]), 'tensor "a" ends at byte 4, the file holds 2 bytes of data'],
    [
      "an overlap",
      file({ a: x, b: { ...x, data_offsets: [2, 6] } }, [...four, 0, 0]),
      'tensor "b" overlaps tensor "a"',
    ],
    ["a gap", file({ a: { ...x, data_offsets: [4, 8] } }, [...four, ...four]), "bytes 0 to 4 before tensor"],
    ["bytes behind the last tensor", file({ a: x }, [...four, 9]), "the last 1 bytes belong to no tensor"],
    ["a bool of 2", file({ a: { dtype: "BOOL", shape: [1], data_offsets: [0, 1] } }, [2]), "holds the byte 2"],
  ];
  it.each(cases)("%s", (_, bytes, message) => {
    const read = () => decodeSafetensors(bytes, "model.safetensors");
    expect(read).toThrow(UserError);
    expect(read).toThrow("@latentkit/core: model.safetensors is not a valid safetensors file: ");
    expect(read).toThrow(message);
  });

  it("a gibibyte header length without allocating it", () => {
    const bytes = file({});
    new DataView(bytes.buffer).setBigUint64(0, 2n ** 63n, true);
    expect(() => decodeSafetensors(bytes)).toThrow("header length 9223372036854775808 goes beyond the file's 10 bytes");
  });
});
