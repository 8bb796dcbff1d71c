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

/** A folder with a cache, a fake pip in front of everything else on the PATH, and the wheels that it serves. */
export class FakePip {
  readonly folder = mkdtempSync(join(tmpdir(), "latentkit-setup-"));
  readonly cache = join(this.folder, "cache");
  readonly installs = join(this.cache, "tensorflow");
  readonly #log = join(this.folder, "log");
  readonly #wheels = join(this.folder, "wheels");

  constructor() {
    const bin = join(this.folder, "bin");
    for (const folder of [bin, this.#wheels]) mkdirSync(folder);
    const program = join(bin, "python3");
    writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${fixture("fake-pip.mjs")}" "$@"\n`);
    chmodSync(program, 0o755);
    vi.stubEnv("PATH", bin);
    vi.stubEnv("LATENTKIT_CACHE", this.cache);
    vi.stubEnv("LATENTKIT_LIBTENSORFLOW", undefined);
    vi.stubEnv("FAKE_WHEELS", this.#wheels);
    vi.stubEnv("FAKE_LOG", this.#log);
    vi.stubEnv("FAKE_PIP", "");
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

  remove(): void {
    vi.unstubAllEnvs();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
