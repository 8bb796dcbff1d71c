import { existsSync, readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, freemem, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { createApp } from "../../app.js";
import { type ProbedEngine, probeEngines } from "../../engines.js";
import { version } from "../../main.js";
import { printResult } from "../../output.js";
import { colorsFor } from "../../terminal.js";

export function create(): Command {
  return new Command()
    .description("Says what is installed, which engine `auto` takes and why, and what would make it faster.")
    .option("--json", "print one JSON object")
    .action((flags: { json?: boolean }) => doctor(flags.json === true));
}

interface Findings {
  readonly node: string;
  readonly system: {
    readonly platform: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGiB: number;
    readonly freeGiB: number;
  };
  readonly packages: Readonly<Record<string, string>>;
  readonly engines: readonly { name: string; available: boolean; detail: string; priority: number }[];
  readonly auto: { readonly engine: string | null; readonly reason: string };
  readonly advice: readonly string[];
}

async function doctor(json: boolean): Promise<void> {
  const app = await createApp();
  const probed = await probeEngines(app.engines);
  const findings: Findings = {
    node: process.versions.node,
    system: describeSystem(),
    packages: { "@latentkit/cli": version(), ...installedPackages(), ...app.versions },
    engines: probed.map(({ factory, available, detail }) => ({
      name: factory.name,
      available,
      detail,
      priority: factory.priority,
    })),
    auto: explainAuto(probed),
    advice: advise(probed),
  };
  printResult(json, findings, json ? [] : format(findings));
}

function describeSystem(): Findings["system"] {
  const gib = (bytes: number) => Math.round((10 * bytes) / 2 ** 30) / 10;
  return {
    platform: `${platform()} ${arch()}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: gib(totalmem()),
    freeGiB: gib(freemem()),
  };
}

/** Versions of our packages and of what computes underneath, as they are resolved from here. */
function installedPackages(): Record<string, string> {
  const ours = ["core", "jit", "datasets", "vae", "engine-onnx", "engine-tensorflow"].map(
    (name) => `@latentkit/${name}`,
  );
  const found = [...ours, "onnxruntime-node", "@tensorflow/tfjs-core"].flatMap((name) => {
    const found = packageVersion(name);
    return found === undefined ? [] : [[name, found] as const];
  });
  return Object.fromEntries(found);
}

/** Packages of packages are looked for beside them too. */
function packageVersion(name: string): string | undefined {
  const parents = ["@latentkit/core", "@latentkit/engine-onnx", "@latentkit/vae"]
    .map(folderOf)
    .filter((folder) => folder !== undefined);
  const places = [
    folderOf(name),
    ...parents.map((folder) => join(folder, "node_modules", name)),
    ...parents.map((folder) => join(folder, "..", "..", name)),
  ];
  const manifest = places
    .map((place) => place && join(place, "package.json"))
    .find((path) => path !== undefined && existsSync(path));
  return manifest && (JSON.parse(readFileSync(manifest, "utf8")) as { version?: string }).version;
}

function folderOf(name: string): string | undefined {
  try {
    return dirname(fileURLToPath(import.meta.resolve(`${name}/package.json`)));
  } catch {
    return undefined; // not installed, or not seen from here
  }
}

function explainAuto(probed: readonly ProbedEngine[]): Findings["auto"] {
  const chosen = probed.find(({ available }) => available);
  if (chosen === undefined) return { engine: null, reason: "no engine can run here" };
  const better = probed.filter(({ available, factory }) => !available && factory.priority > chosen.factory.priority);
  const missing = better.map(({ factory, detail }) => `${factory.name} is not available: ${detail}`);
  const rank =
    better.length === 0
      ? "the fastest engine, and it is available"
      : `the fastest that is available (${missing.join("; ")})`;
  return { engine: chosen.factory.name, reason: rank };
}

function advise(probed: readonly ProbedEngine[]): string[] {
  const advice: string[] = [];
  const best = probed.find(({ available }) => available);
  if (best === undefined || best.factory.priority === 0) {
    advice.push(
      "npm install @latentkit/engine-onnx: it runs compiled graphs on native kernels, the eager engine is JavaScript",
    );
  }
  const tensorflow = probed.find(({ factory }) => factory.name === "tensorflow");
  if (tensorflow?.available === false) advice.push(tensorflowAdvice(tensorflow));
  if (availableParallelism() < 4) advice.push("more cores: the engine uses all of them for large layers and batches");
  if (totalmem() < 4 * 2 ** 30) advice.push("more memory: data sets are kept in memory, 4 GiB or more are comfortable");
  if (freemem() < 0.1 * totalmem()) advice.push("close other programs: less than a tenth of the memory is free");
  return advice;
}

/** NVIDIA's driver says by this file that it is loaded. */
const NVIDIA_DRIVER = "/proc/driver/nvidia/version";

function tensorflowAdvice({ misconfigured, detail }: ProbedEngine): string {
  if (misconfigured) return `mend the setting of the tensorflow engine: ${detail}`;
  if (existsSync(NVIDIA_DRIVER))
    return "latentkit setup tensorflow --gpu: installs the library of the tensorflow engine with CUDA, for the GPU that is here (2.6 GB to download)";
  return "latentkit setup tensorflow: installs the library of the tensorflow engine, the fastest on most models (270 MB to download)";
}

function format({ node, system, packages, engines, auto, advice }: Findings): string[] {
  const { bold, green, yellow, dim } = colorsFor(process.stdout);
  const rows = (pairs: readonly (readonly [string, string])[]) =>
    pairs.map(([name, value]) => `  ${name.padEnd(24)} ${value}`);
  return [
    bold("System"),
    ...rows([
      ["Node", node],
      ["platform", system.platform],
      ["processor", `${system.cpu}, ${system.cores} ${system.cores === 1 ? "core" : "cores"}`],
      ["memory", `${system.memoryGiB} GiB, ${system.freeGiB} GiB free`],
    ]),
    bold("Packages"),
    ...rows(Object.entries(packages)),
    bold("Engines"),
    ...rows(
      engines.map(({ name, available, detail }) => [
        name,
        `${available ? green("available") : yellow("not available")}  ${dim(detail)}`,
      ]),
    ),
    `  auto takes ${bold(auto.engine ?? "nothing")}: ${auto.reason}`,
    bold("What would make it faster"),
    ...(advice.length > 0 ? advice.map((line) => `  ${line}`) : ["  nothing that can be seen from here"]),
  ];
}
