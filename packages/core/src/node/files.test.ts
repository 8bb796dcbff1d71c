import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@latentkit/jit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { fileError, isTemporaryName, sha256File, writeFileAtomic } from "./files.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentkit-files-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it("writeFileAtomic replaces a file and leaves nothing else", async () => {
  const path = join(folder, "config.json");
  await writeFileAtomic(path, "old");
  await writeFileAtomic(path, Uint8Array.of(110, 101, 119));
  expect(await readFile(path, "utf8")).toBe("new");
  expect(await readdir(folder)).toEqual(["config.json"]);
});

it("writeFileAtomic keeps the old file and cleans up when it fails", async () => {
  const target = join(folder, "taken");
  await mkdir(join(target, "inside"), { recursive: true });
  await expect(writeFileAtomic(target, "x")).rejects.toThrow(UserError);
  await expect(writeFileAtomic(target, "x")).rejects.toThrow(`cannot write ${target}: it is a folder, not a file`);
  expect(await readdir(folder)).toEqual(["taken"]);
});

it("tells missing folders and files in the way", async () => {
  await expect(writeFileAtomic(join(folder, "no", "file"), "x")).rejects.toThrow("it does not exist; check the path");
  await writeFile(join(folder, "file"), "");
  await expect(writeFileAtomic(join(folder, "file", "x"), "x")).rejects.toThrow("a part of the path is a file");
  await expect(sha256File(join(folder, "no"))).rejects.toThrow(`cannot read ${join(folder, "no")}: it does not exist`);
});

/** Root may write everywhere: the effective user is another one for the time of the test. */
async function asOrdinaryUser<T>(work: () => Promise<T>): Promise<T> {
  if (process.getuid?.() !== 0) return work();
  process.seteuid?.(65534);
  try {
    return await work();
  } finally {
    process.seteuid?.(0);
  }
}

it.skipIf(process.platform === "win32")("tells missing permission (not on Windows, which has no modes)", async () => {
  await chmod(folder, 0o555);
  const path = join(folder, "config.json");
  await expect(asOrdinaryUser(() => writeFileAtomic(path, "x"))).rejects.toThrow(
    `cannot write ${path}: permission denied`,
  );
});

it.skipIf(process.platform !== "linux")("tells a full disk (Linux only: /dev/full)", async () => {
  const error = await writeFile("/dev/full", "x").catch((e: unknown) => e);
  expect(fileError(error, "cannot write x")).toMatchObject({
    message: "@latentkit/core: cannot write x: the disk is full; free some space and try again",
  });
});

it("fileError leaves other errors alone", () => {
  const error = new Error("bug");
  expect(fileError(error, "cannot")).toBe(error);
  expect(fileError(undefined, "cannot")).toBeUndefined();
});

it("sha256File hashes a file (FIPS 180-2, appendix B.1)", async () => {
  const path = join(folder, "abc");
  await writeFile(path, "abc");
  expect(await sha256File(path)).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

it("knows the names of its temporary files", () => {
  expect([".config.json.123.tmp", "config.json", ".git", "x.tmp"].map(isTemporaryName)).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
