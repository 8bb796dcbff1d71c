import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { describeFailure, describeUsage, EXIT, UsageError } from "./errors.js";
import { colorsFor } from "./terminal.js";

/** A command, loaded only when it is the one that was typed. */
interface CommandEntry {
  readonly summary: string;
  load(): Promise<{ create(args: readonly string[]): Command | Promise<Command> }>;
}

const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  train: { summary: "train a model, or continue a run", load: () => import("./commands/train/index.js") },
  sample: { summary: "generate data from a run", load: () => import("./commands/sample/index.js") },
  reconstruct: {
    summary: "encode and decode examples of a data set",
    load: () => import("./commands/reconstruct/index.js"),
  },
  interpolate: {
    summary: "walk through latent space between examples",
    load: () => import("./commands/interpolate/index.js"),
  },
  map: {
    summary: "draw a data set in the plane of the latents, beside principal components",
    load: () => import("./commands/map/index.js"),
  },
  encode: { summary: "write the latents of a data set to a file", load: () => import("./commands/encode/index.js") },
  evaluate: { summary: "measure a run, with errors", load: () => import("./commands/evaluate/index.js") },
  compare: {
    summary: "train several models for the same time and set them side by side",
    load: () => import("./commands/compare/index.js"),
  },
  import: {
    summary: "make a run of a model that another library saved",
    load: () => import("./commands/import/index.js"),
  },
  export: { summary: "write a run's model for another library", load: () => import("./commands/export/index.js") },
  setup: {
    summary: "install the library of the fastest engine, or remove it",
    load: () => import("./commands/setup/index.js"),
  },
  score: {
    summary: "write the log-likelihood of every example of a data set",
    load: () => import("./commands/score/index.js"),
  },
  list: {
    summary: "show models with their options, data sets, engines, metrics",
    load: () => import("./commands/list/index.js"),
  },
  doctor: {
    summary: "show what is installed and what would make it faster",
    load: () => import("./commands/doctor/index.js"),
  },
};

/**
 * Runs one command line.
 *
 * @param args What stands behind `latentkit`.
 * @returns The exit code: 0, 1 for a user's mistake, 2 for misuse of flags, 130 after Ctrl-C.
 */
export async function main(args: readonly string[]): Promise<number> {
  const debug = args.includes("--debug");
  ignoreClosedPipes();
  try {
    return await dispatch(args.filter((arg) => arg !== "--debug"));
  } catch (error) {
    const { message, code } = describeFailure(error, debug);
    const { red, yellow } = colorsFor(process.stderr);
    process.stderr.write(`${code === EXIT.interrupted ? yellow("stopped") : red("error")} ${message}\n`);
    return code;
  }
}

async function dispatch(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  if (first === "--version" || first === "-V") {
    process.stdout.write(`${version()}\n`);
    return EXIT.ok;
  }
  if (first === undefined || first === "--help" || first === "-h" || (first === "help" && rest.length === 0)) {
    (first === undefined ? process.stderr : process.stdout).write(overview());
    return first === undefined ? EXIT.usage : EXIT.ok;
  }
  const [name, commandArgs] = first === "help" ? [rest[0] as string, ["--help"]] : [first, rest];
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (entry === undefined) throw await unknownCommand(name);
  return run(await (await entry.load()).create(commandArgs), name, commandArgs);
}

async function run(command: Command, name: string, args: readonly string[]): Promise<number> {
  command.name(`latentkit ${name}`).option("--debug", "show the stack of an error").exitOverride();
  command.configureOutput({ writeErr: () => {} }).showSuggestionAfterError(true);
  try {
    await command.parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    const { code = "", exitCode, message } = error as { code?: string; exitCode?: number; message: string };
    if (!code.startsWith("commander.")) throw error;
    if (exitCode === 0) return EXIT.ok;
    throw new UsageError(describeUsage(message, command.name()));
  }
}

async function unknownCommand(name: string): Promise<UsageError> {
  const known = Object.keys(COMMANDS);
  if (name.startsWith("-")) return new UsageError(`unknown option ${name}; write a command first: ${known.join(", ")}`);
  const { didYouMean } = await import("@latentkit/core");
  return new UsageError(`unknown command "${name}"${didYouMean(name, known)}; known: ${known.join(", ")}`);
}

function overview(): string {
  const rows = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(12)} ${summary}`);
  return `latentkit ${version()}: train, sample and measure deep generative models

Usage: latentkit COMMAND [options]

${rows.join("\n")}

latentkit COMMAND --help shows the options of a command. For example:
  latentkit train vae --data mnist --out runs/vae --steps 5000
  latentkit sample runs/vae -n 64 --out samples.png
`;
}

/** Version of this package. */
export function version(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/** `latentkit list | head` closes the pipe early: nobody reads on, so there is nothing to complain about. */
function ignoreClosedPipes(): void {
  for (const stream of [process.stdout, process.stderr]) {
    if (stream.listenerCount("error") > 0) continue;
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(EXIT.ok);
    });
  }
}
