import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostTensor } from "@latentkit/jit";
import { unzipSync } from "fflate";
import { expect, it } from "vitest";
import { encodeNpy, encodeNpz, writeNpy, writeNpz } from "./npy.js";

it("writes the header numpy writes, then the values", () => {
  const bytes = encodeNpy(hostTensor([1, -1], [1, 2]));
  const header = "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
  expect(bytes.length).toBe(128 + 8);
  expect([...bytes.subarray(0, 10)]).toEqual([0x93, 78, 85, 77, 80, 89, 1, 0, 118, 0]);
  expect(new TextDecoder().decode(bytes.subarray(10, 128))).toBe(`${header.padEnd(117)}\n`);
  expect([...new Float32Array(bytes.slice(128).buffer)]).toEqual([1, -1]);
});

it.each([
  [[], "()"],
  [[3], "(3,)"],
  [[0, 2], "(0, 2)"],
])("writes shape %j", (shape, tuple) => {
  const values = new Array(shape.reduce((a, b) => a * b, 1)).fill(1);
  const text = new TextDecoder("latin1").decode(encodeNpy(hostTensor(values, shape, "int32")));
  expect(text).toContain(`{'descr': '<i4', 'fortran_order': False, 'shape': ${tuple}, }`);
});

it("writes files, and the same npz bytes for the same tensors", async () => {
  const folder = await mkdtemp(join(tmpdir(), "latentkit-npy-"));
  const z = hostTensor([1, 2, 3], [3]);
  const label = hostTensor([1, 0, 1], [3], "bool");
  await writeNpy(join(folder, "z.npy"), z);
  await writeNpz(join(folder, "z.npz"), { z, label });
  expect(new Uint8Array(await readFile(join(folder, "z.npy")))).toEqual(encodeNpy(z));
  const zip = new Uint8Array(await readFile(join(folder, "z.npz")));
  expect(zip).toEqual(encodeNpz({ z, label }));
  expect(unzipSync(zip)).toEqual({ "z.npy": encodeNpy(z), "label.npy": encodeNpy(label) });
  await rm(folder, { recursive: true });
});
