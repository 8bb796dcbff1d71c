import { mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { UserError } from "@latentkit/core";
import { afterAll, expect } from "vitest";

/** A temporary folder that is removed after the tests of the file that asked for it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "latentkit-datasets-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a file, its folders too. @returns Its path. */
export function put(folder: string, name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** Writes a file anew, with a time of change that the clock of the file system tells apart from the last. */
export function replace(folder: string, name: string, content: string | Uint8Array): string {
  const path = put(folder, name, content);
  const later = new Date(statSync(path).mtimeMs + 5000);
  utimesSync(path, later, later);
  return path;
}

/** An IDX file: magic number, big-endian dimensions, bytes. */
export function idxBytes(shape: readonly number[], values: ArrayLike<number>, type = 0x08): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * shape.length));
  header.setUint8(2, type);
  header.setUint8(3, shape.length);
  shape.forEach((dim, i) => {
    header.setUint32(4 + 4 * i, dim);
  });
  return Buffer.concat([new Uint8Array(header.buffer), Uint8Array.from(values)]);
}

/** Expects a promise to fail with one line from this package that matches every pattern. */
export async function expectRefusal(
  promise: Promise<unknown>,
  ...patterns: readonly (RegExp | string)[]
): Promise<void> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(UserError);
  const { message } = error as UserError;
  expect(message).toMatch(/^@latentkit\/datasets: [^\n]+$/);
  for (const pattern of patterns) expect(message).toMatch(pattern);
}

/** All examples of a split's field, in order. */
export function allOf(
  split: { size: number; gather(indices: number[]): Record<string, { data: ArrayLike<number> }> },
  field = "x",
): number[] {
  return Array.from(split.gather(Array.from({ length: split.size }, (_, i) => i))[field]?.data ?? []);
}
