import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** What the headers of a shared library say, without loading it. */
export interface Binary {
  /** Node's name of the platform whose format this is. */
  readonly platform: "linux" | "darwin" | "win32";
  /** Node's name of the architecture, or the format's number for one that Node does not run on. */
  readonly arch: string;
  /** A library, and not a program or an object file. */
  readonly isLibrary: boolean;
  /** Bytes the file must have at least: the end of the last part that its tables name. */
  readonly neededBytes: number;
}

/** The file's first bytes do not announce a library; `start` are they. */
export interface NoBinary {
  readonly start: Buffer;
}

/** Thrown when a table of a header lies beyond the end of the file. */
export class TruncatedError extends Error {
  override readonly name = "TruncatedError";
}

/** Reads a part of the file. */
type Read = (offset: number, length: number) => Buffer;

/** @throws TruncatedError when the file ends within its headers; whatever `openSync` throws. */
export function readBinary(path: string): { readonly bytes: number; readonly content: Binary | NoBinary } {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const read: Read = (offset, length) => {
      if (offset + length > size) throw new TruncatedError(`needs ${offset + length} bytes`);
      const bytes = Buffer.alloc(length);
      readSync(file, bytes, 0, length, offset);
      return bytes;
    };
    const start = read(0, Math.min(size, 64));
    return { bytes: size, content: parse(start, read) };
  } finally {
    closeSync(file);
  }
}

function parse(start: Buffer, read: Read): Binary | NoBinary {
  if (start.length < 8) return { start };
  if (start.readUInt32BE(0) === 0x7f454c46) return readElf(read);
  if (start.readUInt32LE(0) === 0xfeedfacf) return readMachO(read, 0);
  if (start.readUInt32BE(0) === 0xcafebabe && start.readUInt32BE(4) < 16) return readFatMachO(read);
  if (start.toString("latin1", 0, 2) === "MZ") return readPe(read);
  return { start };
}

/** ELF, 64-bit little-endian. https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html */
function readElf(read: Read): Binary {
  const header = read(0, 64);
  const machine = header.readUInt16LE(18);
  const is64 = header[4] === 2 && header[5] === 1;
  if (!is64) return { platform: "linux", arch: `ELF machine ${machine}, 32-bit`, isLibrary: true, neededBytes: 0 };
  const number = (offset: number) => Number(header.readBigUInt64LE(offset));
  const [programs, sections] = [number(32), number(40)];
  const [programBytes, programCount] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  const [sectionBytes, sectionCount] = [header.readUInt16LE(58), header.readUInt16LE(60)];
  const segments = chunks(read(programs, programBytes * programCount), programBytes);
  const ends = segments.map((segment) => Number(segment.readBigUInt64LE(8) + segment.readBigUInt64LE(32)));
  return {
    platform: "linux",
    arch: { 62: "x64", 183: "arm64" }[machine] ?? `ELF machine ${machine}`,
    isLibrary: header.readUInt16LE(16) === 3,
    neededBytes: Math.max(sections + sectionBytes * sectionCount, ...ends),
  };
}

const LC_SEGMENT_64 = 0x19;

/** Mach-O, 64-bit: `mach-o/loader.h` of Apple's cctools. */
function readMachO(read: Read, base: number): Binary {
  const header = read(base, 32);
  const commands = read(base + 32, header.readUInt32LE(20));
  let neededBytes = base + 32 + commands.length;
  for (let at = 0; at + 8 <= commands.length; at += Math.max(8, commands.readUInt32LE(at + 4))) {
    if (commands.readUInt32LE(at) !== LC_SEGMENT_64 || at + 56 > commands.length) continue;
    const end = Number(commands.readBigUInt64LE(at + 40) + commands.readBigUInt64LE(at + 48));
    neededBytes = Math.max(neededBytes, base + end);
  }
  const arch = machArch(header.readUInt32LE(4));
  return { platform: "darwin", arch, isLibrary: header.readUInt32LE(12) === 6, neededBytes };
}

/** Several Mach-O files in one: the part for this process, or the first. `mach-o/fat.h`. */
function readFatMachO(read: Read): Binary {
  const count = read(0, 8).readUInt32BE(4);
  const parts = chunks(read(8, 20 * count), 20);
  const ours = parts.find((part) => machArch(part.readUInt32BE(0)) === process.arch) ?? parts[0];
  if (ours === undefined) return { platform: "darwin", arch: "none", isLibrary: false, neededBytes: 0 };
  return readMachO(read, ours.readUInt32BE(8));
}

const machArch = (cpu: number): string => ({ 16777223: "x64", 16777228: "arm64" })[cpu] ?? `Mach-O cpu ${cpu}`;

/** PE. https://learn.microsoft.com/en-us/windows/win32/debug/pe-format */
function readPe(read: Read): Binary {
  const offset = read(0, 64).readUInt32LE(0x3c);
  const header = read(offset, 24);
  const sections = chunks(read(offset + 24 + header.readUInt16LE(20), 40 * header.readUInt16LE(6)), 40);
  const machine = header.readUInt16LE(4);
  return {
    platform: "win32",
    arch: { 34404: "x64", 43620: "arm64" }[machine] ?? `PE machine ${machine}`,
    isLibrary: (header.readUInt16LE(22) & 0x2000) !== 0,
    neededBytes: Math.max(0, ...sections.map((section) => section.readUInt32LE(16) + section.readUInt32LE(20))),
  };
}

function chunks(bytes: Buffer, length: number): Buffer[] {
  if (length === 0) return [];
  return Array.from({ length: Math.floor(bytes.length / length) }, (_, i) =>
    bytes.subarray(i * length, (i + 1) * length),
  );
}
