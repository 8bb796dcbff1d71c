import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import {
  ensureLoadable,
  findLibrary,
  removeTensorflow,
  type SetupProgress,
  setupTensorflow,
} from "@latentkit/engine-tensorflow";
import { UserError } from "@latentkit/jit";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { cannotLoad, FakePip, libraryBytes, makeWheel, tensorflowFiles } from "./fake-pip.js";

let pip: FakePip;
beforeEach(() => {
  pip = new FakePip();
  pip.serve("tensorflow_cpu-2.21.0", makeWheel("tensorflow_cpu-2.21.0", tensorflowFiles()));
});
afterEach(() => pip.remove());

/** One line of a UserError with all parts, and nothing that could be found as an installation. */
async function expectRefusal(attempt: Promise<unknown>, ...parts: string[]): Promise<void> {
  const error = (await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as Error;
  expect(error).toBeInstanceOf(UserError);
  expect(error.message).not.toContain("\n");
  for (const part of parts) expect(error.message).toContain(part);
  expect(findLibrary()).toBeUndefined();
  const left = existsSync(pip.installs) ? readdirSync(pip.installs) : [];
  expect(left.filter((name) => name !== ".download")).toEqual([]);
}

const onlyWhereItLoads = describe.skipIf(cannotLoad !== undefined);

onlyWhereItLoads("setupTensorflow", () => {
  it("keeps the library and its licences, says how far it is, and is found", async () => {
    const seen: SetupProgress[] = [];
    const result = await setupTensorflow({ onProgress: (progress) => seen.push(progress) });
    const bytes = 2 * libraryBytes().length + "notices".length + "Apache".length;
    expect(result).toMatchObject({ version: "2.21.0", variant: "cpu", bytes, already: false, by: "pip 99.1" });
    expect(findLibrary()).toEqual({ path: result.path, origin: "latentkit setup tensorflow", version: "2.21.0" });
    expect(result.path).toBe(join(pip.installs, "2.21.0-cpu-linux-x64", "tensorflow", "libtensorflow_cc.so.2"));
    const { files } = JSON.parse(readFileSync(join(result.folder, "manifest.json"), "utf8"));
    const paths = readdirSync(result.folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    expect(files.map(({ path }: { path: string }) => path).sort()).toEqual([
      "tensorflow/THIRD_PARTY_NOTICES.txt",
      "tensorflow/libtensorflow_cc.so.2",
      "tensorflow/libtensorflow_framework.so.2",
      "tensorflow_cpu-2.21.0.dist-info/LICENSE",
    ]);
    expect(paths).toHaveLength(files.length + 1);
    expect(readdirSync(pip.installs)).toEqual([".download", "2.21.0-cpu-linux-x64"]);
    expect(readdirSync(join(pip.installs, ".download"))).toEqual([]);
    expect(seen.at(-1)).toMatchObject({ stage: "check" });
    expect(seen.filter(({ stage }) => stage === "unpack").at(-1)).toMatchObject({ bytes, total: bytes });
  });

  it("asks pip once: a second call finds it, a damaged installation is made anew", async () => {
    const first = await setupTensorflow();
    expect(await setupTensorflow()).toMatchObject({ path: first.path, already: true });
    expect(pip.asked).toEqual(["tensorflow-cpu==2.21.0 for 3.11"]);
    writeFileSync(first.path, libraryBytes().subarray(0, 1000));
    expect(findLibrary()).toBeUndefined();
    expect(await setupTensorflow()).toMatchObject({ path: first.path, already: false });
    expect(statSync(first.path).size).toBe(libraryBytes().length);
  });

  it("keeps versions side by side; the newest is found, a GPU's before it", async () => {
    pip.serve("tensorflow_cpu-2.9.1", makeWheel("tensorflow_cpu-2.9.1", tensorflowFiles()));
    await setupTensorflow({ version: "2.9.1" });
    expect(findLibrary()?.version).toBe("2.9.1");
    await setupTensorflow();
    expect(findLibrary()?.version).toBe("2.21.0");
    await setupGpu("2.15.1");
    expect(findLibrary()).toMatchObject({
      version: "2.15.1",
      cuda: join(pip.installs, "2.15.1-gpu-linux-x64", "nvidia"),
    });
    expect((await removeTensorflow({ version: "2.15.1" })).removed).toEqual(["2.15.1-gpu-linux-x64"]);
    expect(findLibrary()?.version).toBe("2.21.0");
    expect([...(await removeTensorflow()).removed].sort()).toEqual(["2.21.0-cpu-linux-x64", "2.9.1-cpu-linux-x64"]);
    expect(findLibrary()).toBeUndefined();
    expect((await removeTensorflow()).removed).toEqual([]);
  });

  it("lays CUDA's packages out as the library's run path looks for them", async () => {
    const { folder, variant } = await setupGpu("2.21.0");
    expect(variant).toBe("gpu");
    expect(pip.asked).toEqual(["tensorflow==2.21.0 for 3.11", "nvidia-cublas-cu12<13.0,>=12.5.3.2 for 3.11"]);
    expect(statSync(join(folder, "nvidia", "cublas", "lib", "libcublas.so.12")).size).toBe(4);
    expect(statSync(join(folder, "nvidia", "cuda_nvcc", "bin", "ptxas")).mode & 0o111).toBe(0o111);
    expect(existsSync(join(folder, "nvidia", "cublas", "include"))).toBe(false);
    expect(existsSync(join(folder, "nvidia", "cublas", "__init__.py"))).toBe(false);
  });

  it("takes a wheel that arrived before, without pip", async () => {
    pip.failure = "hang";
    const stopped = new AbortController();
    const attempt = setupTensorflow({ signal: stopped.signal }).catch((error: Error) => error.name);
    await vi.waitFor(() => expect(pip.hangs).toBe(true), { timeout: 20_000 });
    stopped.abort();
    expect(await attempt).toBe("AbortError");
    expect(readdirSync(pip.installs)).toEqual([".download"]);
    const wheels = join(pip.installs, ".download", "2.21.0-cpu-linux-x64", "tensorflow-cpu");
    mkdirSync(wheels, { recursive: true });
    writeFileSync(join(wheels, "tensorflow_cpu-2.21.0.whl"), makeWheel("tensorflow_cpu-2.21.0", tensorflowFiles()));
    expect(await setupTensorflow()).toMatchObject({ already: false });
    expect(pip.asked).toHaveLength(1);
  });

  it("clears up after a killed one, whose lock it takes over", async () => {
    mkdirSync(join(pip.installs, ".work", "tree"), { recursive: true });
    writeFileSync(join(pip.installs, ".lock"), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() })); // above Linux's largest
    await setupTensorflow();
    expect(readdirSync(pip.installs)).toEqual([".download", "2.21.0-cpu-linux-x64"]);
  });
});

onlyWhereItLoads("ensureLoadable", () => {
  it("loads a library in another process once, and remembers those that loaded", async () => {
    const { path } = await setupTensorflow();
    await ensureLoadable(path);
    const record = join(pip.installs, ".loadable.json");
    expect(JSON.parse(readFileSync(record, "utf8"))).toEqual([expect.stringContaining(path)]);
    await ensureLoadable(path);
    const broken = join(pip.folder, "broken.so");
    const bytes = Buffer.from(libraryBytes());
    bytes.fill(0x58, bytes.indexOf("TF_Version"), bytes.indexOf("TF_Version") + 4);
    writeFileSync(broken, bytes);
    await expect(ensureLoadable(broken)).rejects.toThrow(
      `${broken} cannot be loaded: it has no function TF_Version, so it is no TensorFlow C library; run \`latentkit setup tensorflow\``,
    );
    expect(JSON.parse(readFileSync(record, "utf8"))).toHaveLength(1);
  });
});

/** A GPU's wheel that names one CUDA package. */
async function setupGpu(version: string) {
  const metadata = `Requires-Dist: numpy>=1.26.0
Requires-Dist: nvidia-cublas-cu12<13.0,>=12.5.3.2; extra == "and-cuda"
Requires-Dist: tensorflow-io; (sys_platform != "win32") and extra == "gcs-filesystem"
`;
  pip.serve(`tensorflow-${version}`, makeWheel(`tensorflow-${version}`, tensorflowFiles(), metadata));
  const cuda = {
    "nvidia/cublas/lib/libcublas.so.12": "cuda",
    "nvidia/cuda_nvcc/bin/ptxas": "program",
    "nvidia/cublas/include/cublas.h": "not wanted",
    "nvidia/cublas/__init__.py": "not wanted",
  };
  pip.serve("nvidia_cublas_cu12-12.9.3", makeWheel("nvidia_cublas_cu12-12.9.3", cuda));
  return setupTensorflow({ version, gpu: true });
}

const posix = describe.skipIf(process.platform === "win32");

posix("setupTensorflow refuses", () => {
  it("what is no version", async () => {
    await expectRefusal(setupTensorflow({ version: "latest" }), 'got "latest"', "2.21.0");
  });

  it("a version that does not exist, with the nearest", async () => {
    await expectRefusal(
      setupTensorflow({ version: "2.15.7" }),
      "python3 -m pip (pip 99.1)",
      `${packageName}==2.15.7`,
      "2.15.0.post1, 2.15.1, 2.20.0, 2.21.0",
    );
    expect(pip.asked.map((line) => line.split(" ").at(-1))).toEqual(["3.11", "3.12", "3.13", "3.14", "3.10"]);
  });

  it("a system without wheels", async () => {
    pip.failure = "no wheel here";
    await expectRefusal(setupTensorflow(), "finds no wheel", "LATENTKIT_LIBTENSORFLOW");
  });

  it("to go on without a connection, after one attempt", async () => {
    pip.failure = "offline";
    await expectRefusal(
      setupTensorflow(),
      "no connection to its package index (Temporary failure in name resolution)",
      "check the network",
    );
    expect(pip.asked).toHaveLength(1);
  });

  it("a wheel with another hash than pip expects", async () => {
    pip.failure = "hash";
    await expectRefusal(setupTensorflow(), "DO NOT MATCH THE HASHES", "run the command again");
  });

  it("a full disk that pip meets", async () => {
    pip.failure = "full";
    await expectRefusal(setupTensorflow(), "the disk is full; nothing was installed", "LATENTKIT_CACHE");
  });

  it("a machine without pip and uv", async () => {
    vi.stubEnv("PATH", join(pip.folder, "empty"));
    await expectRefusal(setupTensorflow(), "neither pip nor uv", "https://pip.pypa.io", "LATENTKIT_LIBTENSORFLOW");
    pip.program("python3", "echo '/usr/bin/python3: No module named pip' >&2; exit 1");
    vi.stubEnv("PATH", pip.bin);
    await expectRefusal(setupTensorflow(), "pip does not work (python3 -m pip: /usr/bin/python3: No module named pip)");
  });

  it("a cache where nothing can be made", async () => {
    writeFileSync(join(pip.folder, "file"), "");
    vi.stubEnv("LATENTKIT_CACHE", join(pip.folder, "file", "cache"));
    await expectRefusal(setupTensorflow(), "cannot write in the cache", "a part of the path is a file");
  });

  it("a second one at the same time", async () => {
    mkdirSync(pip.installs, { recursive: true });
    writeFileSync(join(pip.installs, ".lock"), JSON.stringify({ pid: process.pid, host: hostname() }));
    await expect(setupTensorflow()).rejects.toThrow(`process ${process.pid} on ${hostname()} is installing TensorFlow`);
    await expect(removeTensorflow()).rejects.toThrow("is installing TensorFlow");
  });
});

const packageName = process.platform === "linux" && process.arch === "x64" ? "tensorflow-cpu" : "tensorflow";

onlyWhereItLoads("a wheel that is refused", () => {
  const serve = (bytes: Uint8Array) => pip.serve("tensorflow_cpu-2.21.0", bytes);
  const whole = (files = tensorflowFiles()) => makeWheel("tensorflow_cpu-2.21.0", files);

  it.each([
    ["is cut short", () => whole().subarray(0, 6000)],
    ["is a web page", () => new TextEncoder().encode("<html>Not found</html>")],
    ["has a flipped bit in the library", () => flip(whole(), 2000)],
  ])("%s, and the next attempt downloads it anew", async (_name, make) => {
    serve(make());
    await expectRefusal(setupTensorflow(), "is damaged", "it was deleted: run the command again");
    serve(whole());
    expect(await setupTensorflow()).toMatchObject({ already: false });
    expect(pip.asked).toHaveLength(2);
  });

  it("holds no library", async () => {
    serve(whole({ "tensorflow/python/x.so": "x" }));
    await expectRefusal(setupTensorflow(), "holds no libtensorflow_cc", "choose another version");
  });

  it("holds a library of another processor", async () => {
    const other = Uint8Array.from(libraryBytes());
    other[18] = 183; // e_machine: AArch64
    serve(whole({ ...tensorflowFiles(), "tensorflow/libtensorflow_cc.so.2": other }));
    await expectRefusal(setupTensorflow(), "is built for arm64, this Node runs on x64");
  });

  it("holds a library that needs another one", async () => {
    const needy = Buffer.from(libraryBytes());
    needy.fill(0x58, needy.indexOf("TF_Version"), needy.indexOf("TF_Version") + 4);
    serve(whole({ ...tensorflowFiles(), "tensorflow/libtensorflow_cc.so.2": needy }));
    await expectRefusal(setupTensorflow(), "cannot be loaded", "TF_Version");
  });

  it("does not fit on the disk", async ({ skip }) => {
    mkdirSync(pip.cache);
    const reason = mountSmallDisk(pip.cache);
    if (reason !== undefined) return skip(reason);
    try {
      const big = Buffer.concat([libraryBytes(), Buffer.alloc(150_000)]); // twice in the cache: wheel and library
      serve(whole({ ...tensorflowFiles(), "tensorflow/libtensorflow_cc.so.2": big }));
      await expectRefusal(setupTensorflow(), "the library needs 0.00 GB", "nothing was installed", "LATENTKIT_CACHE");
      await removeTensorflow();
      serve(whole());
      expect(await setupTensorflow()).toMatchObject({ already: false });
    } finally {
      execFileSync("/bin/umount", [pip.cache]);
    }
  });
});

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[at] = (copy[at] as number) ^ 1;
  return copy;
}

/** A file system of 256 KiB at `path`, or why there is none. */
function mountSmallDisk(path: string): string | undefined {
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=256k", "none", path], { stdio: "pipe" });
    return undefined;
  } catch (error) {
    return `mounting a small tmpfs needs root on Linux: ${(error as Error).message.split("\n").join(" ")}`;
  }
}
