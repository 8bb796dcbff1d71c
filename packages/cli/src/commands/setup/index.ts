import type { RemoveResult, SetupResult } from "@latentkit/engine-tensorflow";
import { Command } from "commander";
import { InterruptedError, UsageError } from "../../errors.js";
import { onInterrupt } from "../../interrupt.js";
import { printResult } from "../../output.js";
import { colorsFor } from "../../terminal.js";
import { formatBytes, SetupLine } from "./progress.js";

interface SetupFlags {
  readonly gpu?: boolean;
  readonly version?: string;
  readonly remove?: boolean;
  readonly json?: boolean;
}

export function create(): Command {
  return new Command()
    .description(
      "Installs TensorFlow's C library for the tensorflow engine: this machine's pip or uv downloads the official wheel, " +
        "the library is taken out of it into the user's cache (LATENTKIT_CACHE) and loaded once to check it.",
    )
    .argument("<what>", "tensorflow", onlyTensorflow)
    .option("--gpu", "with CUDA and cuDNN, for NVIDIA GPUs on Linux: 2.6 GB to download, 5.7 GB on disk")
    .option("--version <v>", "of TensorFlow, from 2.12 on (default: 2.21.0)")
    .option("--remove", "delete what was installed; with --version, that version only")
    .option("--json", "print the result as one JSON object")
    .action((_what: string, flags: SetupFlags) => (flags.remove ? remove(flags) : install(flags)));
}

function onlyTensorflow(text: string): string {
  if (text === "tensorflow") return text;
  throw new UsageError(`nothing is set up under the name "${text}"; write latentkit setup tensorflow`);
}

async function install({ gpu = false, version, json = false }: SetupFlags): Promise<void> {
  const { setupTensorflow } = await import("@latentkit/engine-tensorflow");
  const line = new SetupLine();
  const interrupt = onInterrupt(() => line.stop());
  try {
    const result = await setupTensorflow({
      gpu,
      version,
      signal: interrupt.signal,
      onProgress: (progress) => line.update(progress),
    });
    line.stop();
    printResult(json, result, describe(result));
  } catch (error) {
    line.stop();
    if (!interrupt.signal.aborted) throw error;
    throw new InterruptedError("nothing was installed; what arrived is kept, the same command goes on from there");
  } finally {
    interrupt.dispose();
  }
}

function describe({ version, variant, bytes, already, by, path, driver }: SetupResult): string[] {
  const { bold, yellow } = colorsFor(process.stdout);
  const name = bold(`TensorFlow ${version}${variant === "gpu" ? " with CUDA" : ""}`);
  return [
    already
      ? `${name} was installed before, ${formatBytes(bytes)}; it still loads`
      : `${name} is installed, ${formatBytes(bytes)}; downloaded by ${by}, and loaded once to check it`,
    path,
    ...(variant === "gpu" && !driver
      ? [yellow("no NVIDIA driver was found here (libcuda): until there is one it computes on the CPU")]
      : []),
    "--engine auto takes it from now on; latentkit setup tensorflow --remove deletes it",
  ];
}

async function remove({ version, json = false }: SetupFlags): Promise<void> {
  const { removeTensorflow } = await import("@latentkit/engine-tensorflow");
  const result = await removeTensorflow(version === undefined ? {} : { version });
  printResult(json, result, describeRemoval(result));
}

function describeRemoval({ folder, removed }: RemoveResult): string[] {
  return removed.length === 0
    ? [`nothing was installed in ${folder}`]
    : removed.map((name) => `removed ${folder}/${name}`);
}
