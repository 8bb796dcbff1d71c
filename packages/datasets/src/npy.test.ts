import { zipSync } from "fflate";
import { describe, expect, it } from "vitest";
import { allOf, expectRefusal, put, temporaryFolder } from "../test/files.js";
import { npy } from "./npy.js";
import { parseNpy } from "./npy-format.js";

const folder = temporaryFolder();
let files = 0;

/** A version 1 `.npy` file as numpy.save writes it. */
function npyBytes(descr: string, shape: readonly number[], data: Uint8Array, isFortran = false): Uint8Array {
  const dims = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': ${isFortran ? "True" : "False"}, 'shape': (${dims}), }`;
  const header = `${dict.padEnd(117)}\n`;
  const start = Uint8Array.of(0x93, ...Buffer.from("NUMPY"), 1, 0, header.length & 255, header.length >> 8);
  return Buffer.concat([start, Buffer.from(header, "latin1"), data]);
}

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const write = (bytes: Uint8Array, ending = "npy") => put(folder, `${files++}.${ending}`, bytes);
const half = { testFraction: 0.5 };

async function valuesOf(bytes: Uint8Array) {
  const { datum, splits } = await npy(write(bytes), half).load(0);
  return { datum, values: [...allOf(splits.train), ...allOf(splits.test)].sort((a, b) => a - b) };
}

describe("npy", () => {
  it.each([
    ["<f4", Float32Array.of(-1, 0.5, 2, 3)],
    ["<f8", Float64Array.of(-1, 0.5, 2, 3)],
    ["<i4", Int32Array.of(-7, 0, 2, 3)],
    ["<i8", BigInt64Array.of(-7n, 0n, 2n, 3n)],
  ])("reads %s", async (descr, array) => {
    const { datum, values } = await valuesOf(npyBytes(descr, [2, 2], bytesOf(array)));
    expect(datum).toEqual({ kind: "continuous", shape: [2] });
    expect(values).toEqual(Array.from(array, Number));
  });

  it("gives bytes as [0, 1] with 256 levels", async () => {
    const { datum, values } = await valuesOf(npyBytes("|u1", [2, 1, 2, 1], Uint8Array.of(0, 51, 102, 255)));
    expect(datum).toEqual({ kind: "continuous", shape: [1, 2, 1], range: [0, 1], levels: 256 });
    expect(values).toEqual([0, Math.fround(0.2), Math.fround(0.4), 1]);
  });

  it("knows binary values and the unit interval", async () => {
    expect((await valuesOf(npyBytes("|b1", [2, 2], Uint8Array.of(0, 1, 1, 0)))).datum).toEqual({
      kind: "binary",
      shape: [2],
      range: [0, 1],
      levels: 2,
    });
    expect((await valuesOf(npyBytes("<f4", [2], bytesOf(Float32Array.of(0.5, 1))))).datum).toEqual({
      kind: "continuous",
      shape: [1],
      range: [0, 1],
    });
  });

  it("gives images without channels one", async () => {
    const { datum } = await valuesOf(npyBytes("<f4", [2, 3, 4], bytesOf(new Float32Array(24).fill(2))));
    expect(datum.shape).toEqual([3, 4, 1]);
  });

  it("transposes Fortran order", () => {
    const a = parseNpy({
      path: "a.npy",
      bytes: npyBytes("<i4", [2, 3], bytesOf(Int32Array.of(0, 10, 1, 11, 2, 12)), true),
    });
    expect(Array.from(a.data as Int32Array)).toEqual([0, 1, 2, 10, 11, 12]);
    // a[i, j, k] = 100 i + 10 j + k, first index fastest
    const cube = Int32Array.from(
      { length: 24 },
      (_, at) => 100 * (at % 2) + 10 * (Math.floor(at / 2) % 3) + Math.floor(at / 6),
    );
    const b = parseNpy({ path: "b.npy", bytes: npyBytes("<i4", [2, 3, 4], bytesOf(cube), true) });
    expect(Array.from(b.data as Int32Array)).toEqual(
      Array.from({ length: 24 }, (_, at) => 100 * Math.floor(at / 12) + 10 * (Math.floor(at / 4) % 3) + (at % 4)),
    );
  });

  it("reads data and labels of an .npz archive", async () => {
    const path = write(
      zipSync({
        "x.npy": npyBytes("<f4", [4, 1], bytesOf(Float32Array.of(10, 11, 12, 13))),
        "y.npy": npyBytes("<i8", [4], bytesOf(BigInt64Array.of(0n, 1n, 2n, 0n))),
      }),
      "npz",
    );
    const data = await npy(path, half).load(0);
    expect(data.labelNames).toEqual(["0", "1", "2"]);
    const pairs = [data.splits.train, data.splits.test].flatMap((split) =>
      allOf(split).map((x, i) => [x, allOf(split, "label")[i]]),
    );
    expect(Object.fromEntries(pairs)).toEqual({ 10: 0, 11: 1, 12: 2, 13: 0 });
    await expectRefusal(npy(path, { array: "z" }).load(0), 'array "z" is not in', "arrays: x, y");
    await expectRefusal(npy(path, { label: "x" }).load(0), /labels "x" have shape \(4,1\) for 4 examples/);
  });

  it.each<[string, Uint8Array, ...(RegExp | string)[]]>([
    ["NaN", npyBytes("<f4", [2, 2], bytesOf(Float32Array.of(0, 1, 2, Number.NaN))), /holds NaN at \[1, 1\]/],
    ["infinity", npyBytes("<f8", [2], bytesOf(Float64Array.of(0, -Infinity))), /holds -Infinity at \[1\]/],
    [
      "integers beyond float32",
      npyBytes("<i8", [2], bytesOf(BigInt64Array.of(0n, 16777217n))),
      /16777217 at \[1\], more than float32/,
    ],
    ["a truncated file", npyBytes("<f4", [3, 2], bytesOf(new Float32Array(5))), "is truncated", "3 x 2 of <f4"],
    ["a file that is too long", npyBytes("<f4", [2, 2], bytesOf(new Float32Array(5))), "is too long"],
    ["other types", npyBytes("<c8", [2], new Uint8Array(16)), "elements of type <c8", "astype"],
    ["big-endian numbers", npyBytes(">f4", [2], new Uint8Array(8)), "elements of type >f4"],
    [
      "structured arrays",
      Buffer.concat([
        npyBytes("<f4", [1], new Uint8Array(0)).subarray(0, 10),
        Buffer.from("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }".padEnd(118)),
      ]),
      "structured arrays",
    ],
    ["another format", Buffer.from("hello, world, this is text"), "is not a .npy file"],
    ["a scalar", npyBytes("<f4", [], new Uint8Array(4)), /shape \(\)/],
    ["five dimensions", npyBytes("<f4", [2, 1, 1, 1, 1], new Uint8Array(8)), /shape \(2,1,1,1,1\)/],
    ["examples without values", npyBytes("<f4", [2, 0], new Uint8Array(0)), "holds no values"],
    ["one example", npyBytes("<f4", [1, 2], new Uint8Array(8)), "has 1 example", "at least 2"],
  ])("refuses %s", async (_, bytes, ...patterns) => {
    await expectRefusal(npy(write(bytes)).load(0), ...patterns);
  });

  it("refuses a damaged archive", async () => {
    await expectRefusal(npy(write(Uint8Array.of(1, 2, 3), "npz")).load(0), "not a readable .npz file");
  });
});
