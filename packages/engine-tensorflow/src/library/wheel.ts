import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { Transform } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import yauzl, { type Entry, type ZipFile } from "yauzl";

/** A file taken out of a wheel. */
export interface Extracted {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What {@link Wheel.extract} tells and hears. */
export interface ExtractWatch {
  /** Called with the size of each piece written. */
  readonly onBytes: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A wheel that is no whole archive, or whose content is not what it says. */
export class DamagedWheelError extends Error {
  override readonly name = "DamagedWheelError";

  constructor(
    readonly path: string,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(problem, options);
  }
}

/** An open wheel: a zip archive whose `RECORD` lists every file with its hash. https://packaging.python.org/en/latest/specifications/binary-distribution-format */
export class Wheel {
  readonly #zip: ZipFile;
  readonly #entries: readonly Entry[];

  private constructor(
    readonly path: string,
    zip: ZipFile,
    entries: readonly Entry[],
  ) {
    this.#zip = zip;
    this.#entries = entries;
  }

  /** @throws DamagedWheelError when it is no whole zip archive. */
  static async open(path: string): Promise<Wheel> {
    try {
      const zip = await new Promise<ZipFile>((resolve, reject) =>
        yauzl.open(path, { lazyEntries: true, autoClose: false }, (error, file) =>
          error ? reject(error) : resolve(file),
        ),
      );
      return new Wheel(path, zip, await listEntries(zip));
    } catch (error) {
      throw new DamagedWheelError(path, (error as Error).message, { cause: error });
    }
  }

  close(): void {
    this.#zip.close();
  }

  /** Files whose path is wanted, with their sizes. */
  select(wanted: (path: string) => boolean): { readonly path: string; readonly bytes: number }[] {
    const files = this.#entries.filter(({ fileName }) => !fileName.endsWith("/") && wanted(fileName));
    return files.map(({ fileName, uncompressedSize }) => ({ path: fileName, bytes: uncompressedSize }));
  }

  /** The text of a file in the wheel's `.dist-info`: `METADATA`. */
  async info(name: string): Promise<string> {
    const entry = this.#entries.find(({ fileName }) => /^[^/]+\.dist-info\/([^/]+)$/.exec(fileName)?.[1] === name);
    if (entry === undefined) throw new DamagedWheelError(this.path, `it has no ${name}`);
    return text(await this.#read(entry));
  }

  /**
   * Writes files below `folder`, waits until the disk has them, and compares them with the wheel's hashes.
   *
   * @throws DamagedWheelError for a file that differs or is not listed.
   */
  async extract(paths: readonly string[], folder: string, watch: ExtractWatch): Promise<Extracted[]> {
    const hashes = parseRecord(await this.info("RECORD"));
    const extracted: Extracted[] = [];
    for (const path of paths) {
      const entry = this.#entries.find(({ fileName }) => fileName === path) as Entry;
      const written = await this.#write(entry, join(folder, path), watch);
      if (written.digest.toString("base64url") !== hashes.get(path))
        throw new DamagedWheelError(this.path, `${path} differs from the hash in its RECORD`);
      extracted.push({ path, bytes: written.bytes, sha256: written.digest.toString("hex") });
    }
    return extracted;
  }

  async #write(
    entry: Entry,
    target: string,
    { onBytes, signal }: ExtractWatch,
  ): Promise<{ bytes: number; digest: Buffer }> {
    await mkdir(dirname(target), { recursive: true });
    const hash = createHash("sha256");
    let bytes = 0;
    const meter = new Transform({
      transform(piece: Buffer, _encoding, done) {
        hash.update(piece);
        bytes += piece.length;
        onBytes(piece.length);
        done(null, piece);
      },
    });
    const mode = (entry.externalFileAttributes >>> 16) & 0o100 ? 0o755 : 0o644; // ptxas is a program
    const stages = [await this.#read(entry), meter, createWriteStream(target, { mode })] as const;
    await pipeline(...stages, signal === undefined ? {} : { signal }).catch((error: unknown) => {
      throw this.#blame(error);
    });
    await synced(target);
    return { bytes, digest: hash.digest() };
  }

  /** Errors of the file system and an abort stay what they are; all others are the archive's. */
  #blame(error: unknown): unknown {
    const { code, message, name } = error as NodeJS.ErrnoException;
    return code?.startsWith("E") || name === "AbortError"
      ? error
      : new DamagedWheelError(this.path, message, { cause: error });
  }

  #read(entry: Entry): Promise<Readable> {
    return new Promise((resolve, reject) =>
      this.#zip.openReadStream(entry, (error, stream) => (error ? reject(this.#blame(error)) : resolve(stream))),
    );
  }
}

function listEntries(zip: ZipFile): Promise<Entry[]> {
  const entries: Entry[] = [];
  return new Promise((resolve, reject) => {
    zip.on("entry", (entry: Entry) => {
      entries.push(entry);
      zip.readEntry();
    });
    zip.on("end", () => resolve(entries));
    zip.on("error", reject);
    zip.readEntry();
  });
}

/** `tensorflow/libtensorflow_cc.so.2,sha256=<base64url>,788086608`, a line a file. */
function parseRecord(record: string): Map<string, string> {
  const lines = record.split("\n").map((line) => /^"?(.+?)"?,sha256=([\w-]+),\d*\s*$/.exec(line));
  return new Map(lines.flatMap((match) => (match ? [[match[1] as string, match[2] as string] as const] : [])));
}

/** Waits until a file or folder is on the disk. */
export async function synced(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The requirements of an extra, `nvidia-cublas-cu12<13.0,>=12.5.3.2`. https://packaging.python.org/en/latest/specifications/dependency-specifiers */
export function requirementsOf(metadata: string, extra: string): string[] {
  const marker = new RegExp(String.raw`^Requires-Dist: ([^;]+?)\s*;.*extra\s*==\s*["']${extra}["']`);
  const lines = metadata.split("\n").map((line) => marker.exec(line)?.[1]);
  return lines.filter((line) => line !== undefined).map((line) => line.replace(/[\s()]/g, ""));
}
