import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Zippable, zipSync } from "fflate";
import { vi } from "vitest";

const fixture = (name: string): string => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url));

/** A small library that has `TF_Version`; of Linux on x64. */
export const libraryBytes = (): Uint8Array => readFileSync(fixture("tensorflow-linux-x64.so"));

/** Why tests that load the library cannot run here. */
export const cannotLoad =
  `${process.platform} ${process.arch}` === "linux x64" ? undefined : "the library of the fixtures is for Linux on x64";

/** Files of a wheel of TensorFlow. */
export const tensorflowFiles = (): Record<string, string | Uint8Array> => ({
  "tensorflow/libtensorflow_cc.so.2": libraryBytes(),
  "tensorflow/libtensorflow_framework.so.2": libraryBytes(),
  "tensorflow/THIRD_PARTY_NOTICES.txt": "notices",
  "tensorflow/python/big.so": "not wanted",
  "tensorflow/include/tensorflow/c/c_api.h": "not wanted",
});

/** A wheel as bytes: the files, METADATA, and the RECORD with their hashes. */
export function makeWheel(name: string, files: Record<string, string | Uint8Array>, metadata = ""): Uint8Array {
  const info = `${name}.dist-info`;
  const all: Record<string, Uint8Array> = {};
  for (const [path, content] of Object.entries({
    ...files,
    [`${info}/METADATA`]: metadata,
    [`${info}/LICENSE`]: "Apache",
  }))
    all[path] = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const hash = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("base64url");
  const record = Object.entries(all).map(([path, bytes]) => `${path},sha256=${hash(bytes)},${bytes.length}`);
  all[`${info}/RECORD`] = new TextEncoder().encode(`${record.join("\n")}\n${info}/RECORD,,\n`);
  const executable = (path: string) => ({
    level: 0 as const,
    os: 3,
    attrs: (path.includes("/bin/") ? 0o755 : 0o644) << 16,
  });
  return zipSync(
    Object.fromEntries(Object.entries(all).map(([path, bytes]) => [path, [bytes, executable(path)]])) as Zippable,
  );
}

/** A folder with a cache, a fake pip that is alone on the PATH, and the wheels that it serves. */
export class FakePip {
  readonly folder = mkdtempSync(join(tmpdir(), "latentkit-setup-"));
  readonly bin = join(this.folder, "bin");
  readonly cache = join(this.folder, "cache");
  readonly installs = join(this.cache, "tensorflow");
  readonly #log = join(this.folder, "log");
  readonly #wheels = join(this.folder, "wheels");

  constructor() {
    for (const folder of [this.bin, this.#wheels]) mkdirSync(folder);
    this.program("python3", `exec "${process.execPath}" "${fixture("fake-pip.mjs")}" "$@"`);
    vi.stubEnv("PATH", this.bin);
    vi.stubEnv("LATENTKIT_CACHE", this.cache);
    vi.stubEnv("LATENTKIT_LIBTENSORFLOW", undefined);
    vi.stubEnv("FAKE_WHEELS", this.#wheels);
    vi.stubEnv("FAKE_LOG", this.#log);
    vi.stubEnv("FAKE_PIP", "");
  }

  /** A shell script on the PATH. */
  program(name: string, script: string): void {
    const path = join(this.bin, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  }

  /** How pip fails from now on; "" when it does not. */
  set failure(mode: string) {
    vi.stubEnv("FAKE_PIP", mode);
  }

  serve(name: string, bytes: Uint8Array): void {
    writeFileSync(join(this.#wheels, `${name}-cp311-cp311-manylinux_2_27_x86_64.whl`), bytes);
  }

  /** What was asked for, `tensorflow-cpu==2.21.0 for 3.11`. */
  get asked(): string[] {
    return existsSync(this.#log) ? readFileSync(this.#log, "utf8").trimEnd().split("\n") : [];
  }

  get hangs(): boolean {
    return existsSync(`${this.#log}.hangs`);
  }

  /** Empties the cache. */
  clear(): void {
    rmSync(this.cache, { recursive: true, force: true });
  }

  remove(): void {
    vi.unstubAllEnvs();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
