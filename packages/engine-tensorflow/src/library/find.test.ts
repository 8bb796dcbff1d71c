import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cacheFolder, compareVersions, installName, type Manifest } from "./cache.js";
import { findLibrary } from "./find.js";

let folder: string;
const home = process.cwd();
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "latentkit-find-")));
});
afterEach(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true, force: true });
});

const env = (more: NodeJS.ProcessEnv = {}) => ({ LATENTKIT_CACHE: join(folder, "cache"), ...more });

function file(...path: string[]): string {
  const place = join(folder, ...path);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, "library");
  return place;
}

function install(version: string, variant: "cpu" | "gpu", over: Partial<Manifest> = {}): string {
  const name = installName(version, variant);
  const library = join("tensorflow", "libtensorflow_cc.so.2");
  const path = file("cache", "tensorflow", name, library);
  const manifest: Manifest = {
    format: 1,
    version,
    variant,
    platform: `${process.platform}-${process.arch}`,
    library,
    files: [{ path: library, bytes: 7, sha256: "" }],
    installed: "",
    ...over,
  };
  writeFileSync(join(folder, "cache", "tensorflow", name, "manifest.json"), JSON.stringify(manifest));
  return path;
}

/** The library of an archive, as this platform calls it. */
const names = {
  win32: { wheel: "tensorflow.dll", archive: "tensorflow.dll" },
  darwin: { wheel: "libtensorflow_cc.2.dylib", archive: "libtensorflow.2.dylib" },
}[process.platform as string] ?? { wheel: "libtensorflow_cc.so.2", archive: "libtensorflow.so.2.9.1" };

describe("LATENTKIT_LIBTENSORFLOW", () => {
  it("is a file, before all that is installed", () => {
    install("2.21.0", "cpu");
    const path = file("my.so");
    expect(findLibrary(env({ LATENTKIT_LIBTENSORFLOW: path }))).toEqual({ path, origin: "LATENTKIT_LIBTENSORFLOW" });
  });

  it.each([[[]], [["tensorflow"]], [["lib"]]])("is a folder with the library in %j", (below) => {
    const path = file("place", ...below, names.wheel);
    expect(findLibrary(env({ LATENTKIT_LIBTENSORFLOW: join(folder, "place") }))?.path).toBe(path);
  });

  it("knows the CUDA libraries beside it", () => {
    const path = file("site-packages", "tensorflow", names.wheel);
    file("site-packages", "nvidia", "cublas", "lib", "libcublas.so.12");
    const found = findLibrary(env({ LATENTKIT_LIBTENSORFLOW: join(folder, "site-packages") }));
    expect(found).toEqual({ path, origin: "LATENTKIT_LIBTENSORFLOW", cuda: join(folder, "site-packages", "nvidia") });
  });

  it("is refused with its value when it leads nowhere", () => {
    install("2.21.0", "cpu");
    mkdirSync(join(folder, "empty"));
    const find = (value: string) => () => findLibrary(env({ LATENTKIT_LIBTENSORFLOW: value }));
    expect(find(join(folder, "gone.so"))).toThrow(
      `LATENTKIT_LIBTENSORFLOW=${join(folder, "gone.so")} does not exist; give the library's file or the folder that holds it, or unset the variable and run \`latentkit setup tensorflow\``,
    );
    expect(find(join(folder, "empty"))).toThrow("is a folder without");
  });

  it("counts as unset when it is empty", () => {
    const path = install("2.21.0", "cpu");
    expect(findLibrary(env({ LATENTKIT_LIBTENSORFLOW: "" }))).toMatchObject({ path });
  });
});

describe("installations", () => {
  it("the newest is taken, one for GPUs before it", () => {
    for (const version of ["2.9.1", "2.21.0", "2.15.1"]) install(version, "cpu");
    expect(findLibrary(env())).toMatchObject({ version: "2.21.0", origin: "latentkit setup tensorflow" });
    const path = install("2.15.1", "gpu");
    expect(findLibrary(env())?.path).toBe(path);
  });

  it("those that are not whole, or of another machine, are passed over", () => {
    install("2.22.0", "cpu", { files: [{ path: "tensorflow/libtensorflow_cc.so.2", bytes: 8, sha256: "" }] });
    install("2.23.0", "cpu", { platform: "linux-riscv64" });
    file("cache", "tensorflow", "2.24.0-cpu-linux-x64", "manifest.json");
    expect(findLibrary(env())).toBeUndefined();
    const path = install("2.21.0", "cpu");
    expect(findLibrary(env())?.path).toBe(path);
  });
});

describe("the packages of tfjs", () => {
  const addPackage = (name: string, withLibrary = true) => {
    file("node_modules", "@tensorflow", name, "package.json");
    writeFileSync(join(folder, "node_modules", "@tensorflow", name, "package.json"), "{}");
    return withLibrary ? file("node_modules", "@tensorflow", name, "deps", "lib", names.archive) : "";
  };

  it("are found from the working folder, the GPU's first, after what was installed", () => {
    process.chdir(folder);
    expect(findLibrary(env())).toBeUndefined();
    const cpu = addPackage("tfjs-node");
    expect(findLibrary(env())).toMatchObject({ path: cpu, origin: "@tensorflow/tfjs-node" });
    if (process.platform === "linux") expect(findLibrary(env())?.version).toBe("2.9.1");
    const gpu = addPackage("tfjs-node-gpu");
    expect(findLibrary(env())).toMatchObject({ path: gpu, origin: "@tensorflow/tfjs-node-gpu" });
    install("2.21.0", "cpu");
    expect(findLibrary(env())?.origin).toBe("latentkit setup tensorflow");
  });

  it("do not count when they were installed without their library", () => {
    process.chdir(folder);
    addPackage("tfjs-node-gpu", false);
    const path = addPackage("tfjs-node");
    expect(findLibrary(env())?.path).toBe(path);
  });
});

describe("the cache", () => {
  it.each([
    ["linux", { XDG_CACHE_HOME: "/var/c" }, "/var/c/latentkit"],
    ["linux", { LATENTKIT_CACHE: "/lk", XDG_CACHE_HOME: "/var/c" }, "/lk"],
  ] as const)("on %s with %j is %s", (platform, variables, path) => {
    if (process.platform !== "win32") expect(cacheFolder(variables, platform)).toBe(path);
  });

  it("lies where the platform keeps caches", () => {
    expect(cacheFolder({}, "linux")).toMatch(/[\\/]\.cache[\\/]latentkit$/);
    expect(cacheFolder({}, "darwin")).toMatch(/[\\/]Library[\\/]Caches[\\/]latentkit$/);
    expect(cacheFolder({ LOCALAPPDATA: "L" }, "win32")).toBe(join("L", "latentkit", "Cache"));
  });
});

it("versions are ordered by number, candidates before their release", () => {
  const versions = ["2.21.0", "2.9.1", "2.21.0rc1", "2.15.0.post1", "2.15.0", "2.21.0rc0"];
  expect(versions.sort(compareVersions)).toEqual([
    "2.9.1",
    "2.15.0",
    "2.15.0.post1",
    "2.21.0rc0",
    "2.21.0rc1",
    "2.21.0",
  ]);
});
