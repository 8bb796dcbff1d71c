import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { UserError } from "@latentkit/jit";
import { afterAll, describe, expect, it } from "vitest";
import { readBinary } from "./binary.js";
import { checkLibrary } from "./check.js";

const folder = mkdtempSync(join(tmpdir(), "latentkit-check-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const elf = readFileSync(fileURLToPath(new URL("../../test/fixtures/tensorflow-linux-x64.so", import.meta.url)));

function file(name: string, content: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

function refusal(path: string): string {
  try {
    checkLibrary(path);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as Error).message;
  }
  throw new Error(`${path} was not refused`);
}

/** A copy with other bytes at some place. */
function patched(bytes: Buffer, at: number, ...values: number[]): Buffer {
  const copy = Buffer.from(bytes);
  copy.set(values, at);
  return copy;
}

/** Mach-O with one segment of 4 KiB. */
function machO(cpu: number): Buffer {
  const bytes = Buffer.alloc(4096);
  [0xfeedfacf, cpu, 0, 6, 1, 72].forEach((value, i) => {
    bytes.writeUInt32LE(value, 4 * i);
  });
  bytes.writeUInt32LE(0x19, 32);
  bytes.writeUInt32LE(72, 36);
  bytes.writeBigUInt64LE(4096n, 32 + 48);
  return bytes;
}

/** Two Mach-O files in one. */
function fat(): Buffer {
  const header = Buffer.alloc(4096);
  [0xcafebabe, 2, 0x01000007, 0, 4096, 4096, 12, 0x0100000c, 0, 8192, 4096, 12].forEach((value, i) => {
    header.writeUInt32BE(value, 4 * i);
  });
  return Buffer.concat([header, machO(0x01000007), machO(0x0100000c)]);
}

/** A DLL with one section of 512 bytes. */
function pe(machine: number): Buffer {
  const bytes = Buffer.alloc(1024);
  bytes.write("MZ");
  bytes.writeUInt32LE(64, 0x3c);
  bytes.write("PE\0\0", 64);
  bytes.writeUInt16LE(machine, 68);
  bytes.writeUInt16LE(1, 70);
  bytes.writeUInt16LE(0x2022, 86);
  bytes.writeUInt32LE(512, 88 + 16);
  bytes.writeUInt32LE(512, 88 + 20);
  return bytes;
}

describe("readBinary", () => {
  it.each([
    ["ELF", elf, "linux", "x64", elf.length],
    ["ELF for Arm", patched(elf, 18, 183), "linux", "arm64", elf.length],
    ["ELF for RISC-V", patched(elf, 18, 243), "linux", "ELF machine 243", elf.length],
    ["Mach-O", machO(0x0100000c), "darwin", "arm64", 4096],
    ["PE", pe(0x8664), "win32", "x64", 1024],
  ])("reads %s", (name, bytes, platform, arch, neededBytes) => {
    expect(readBinary(file(name, bytes))).toEqual({
      bytes: bytes.length,
      content: { platform, arch, isLibrary: true, neededBytes },
    });
  });

  it("takes the part of a fat Mach-O file that is for this process", () => {
    const { content } = readBinary(file("fat", fat()));
    const ours = process.arch === "arm64" ? { arch: "arm64", neededBytes: 12288 } : { arch: "x64", neededBytes: 8192 };
    expect(content).toMatchObject(ours);
  });
});

describe("checkLibrary refuses", () => {
  it.each([
    ["empty", "", "is empty"],
    ["page.so", "<!DOCTYPE html><p>404", "it holds a web page"],
    ["pointer.so", "version https://git-lfs.github.com/spec/v1\noid sha256:1", "it is a Git LFS pointer"],
    ["wheel.whl", "PK\u0003\u0004 and more", "give the library that is inside"],
    ["noise", "abcdefghijkl", "its first bytes are those of no library"],
  ])("%s", (name, content, problem) => {
    const message = refusal(file(name, content));
    expect(message).toContain(`${join(folder, name)} is`);
    expect(message).toContain(problem);
    expect(message).toContain("run `latentkit setup tensorflow`, or set LATENTKIT_LIBTENSORFLOW");
    expect(message).not.toContain("\n");
  });

  it("what is not there, or a folder", () => {
    expect(refusal(join(folder, "nothing.so"))).toContain("nothing.so does not exist");
    expect(refusal(folder)).toContain("is a folder");
  });

  it("the library of another system", () => {
    const other = process.platform === "darwin" ? elf : machO(0x0100000c);
    expect(refusal(file("other", other))).toMatch(/is for (Linux|macOS), this is /);
  });
});

describe.skipIf(process.platform !== "linux" || process.arch !== "x64")("checkLibrary on Linux, x64", () => {
  it("takes a whole library", () => {
    expect(() => checkLibrary(file("whole.so", elf))).not.toThrow();
  });

  it("refuses another processor's, an object file, and every truncation", () => {
    expect(refusal(file("arm.so", patched(elf, 18, 183)))).toContain("is built for arm64, this Node runs on x64");
    expect(refusal(file("old.so", patched(elf, 4, 1)))).toContain("32-bit");
    expect(refusal(file("object.o", patched(elf, 16, 1)))).toContain("no shared library");
    for (const bytes of [40, 63, 100, 1000, elf.length - 1])
      expect(refusal(file("cut.so", elf.subarray(0, bytes)))).toContain("is truncated");
    expect(refusal(file("cut.so", elf.subarray(0, 4000)))).toContain(`it has 4000 of ${elf.length} bytes`);
  });

  it("looks at the library's companion too", () => {
    const library = file("libtensorflow_cc.so.2", elf);
    const companion = file("libtensorflow_framework.so.2", elf.subarray(0, 500));
    expect(refusal(library)).toContain(`${companion} is truncated`);
  });
});
