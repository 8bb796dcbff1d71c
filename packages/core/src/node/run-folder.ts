import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "@latentkit/jit";
import type { Json, Retention } from "../checkpoint.js";
import { combineSinks, type LogSink } from "../log.js";
import { FileCheckpointStore } from "./checkpoint-store.js";
import { claimFolder, type FolderKind, requireFreeFolder, withFileErrors, writeFileAtomic } from "./files.js";
import { openJsonlSink } from "./jsonl-sink.js";
import { openTensorBoardSink } from "./tensorboard-sink.js";

/** Marks `config.json` as ours and names the version of the run folder's layout. */
const FORMAT = "latentkit-run/1";
const CONFIG = "config.json";

/** What a run was asked for, enough to repeat it: model, data, seed, options … */
export type RunConfig = Readonly<Record<string, Json>>;

/** Where the parts of a run are; `config` is what `config.json` holds. */
export class RunFolder {
  readonly configFile: string;
  /** One line a logged step: see {@link openJsonlSink}. */
  readonly metricsFile: string;
  /** TensorBoard's event files. */
  readonly eventsFolder: string;
  readonly checkpointsFolder: string;
  readonly samplesFolder: string;
  /** The pictures of the report, a file each. */
  readonly figuresFolder: string;
  readonly reportFile: string;
  /** What an imported model's folder held besides weights. */
  readonly importedFolder: string;

  constructor(
    readonly path: string,
    readonly config: RunConfig,
  ) {
    this.configFile = join(path, CONFIG);
    this.metricsFile = join(path, "metrics.jsonl");
    this.eventsFolder = join(path, "events");
    this.checkpointsFolder = join(path, "checkpoints");
    this.samplesFolder = join(path, "samples");
    this.figuresFolder = join(path, "figures");
    this.reportFile = join(path, "report.html");
    this.importedFolder = join(path, "imported");
  }

  /** The store over {@link checkpointsFolder}. */
  checkpoints(retention?: Retention): FileCheckpointStore {
    return new FileCheckpointStore(this.checkpointsFolder, retention);
  }

  /**
   * Opens `metrics.jsonl` and a TensorBoard event file as one sink.
   *
   * @param resumeAt The checkpoint's step when the run is resumed; what was logged of later steps is dropped.
   * @throws UserError when they cannot be written.
   */
  async openLogs(resumeAt?: number): Promise<LogSink> {
    const metrics = await openJsonlSink(this.metricsFile, { resumeAt });
    return combineSinks([metrics, await openTensorBoardSink(this.eventsFolder, { resumeAt })]);
  }

  /** Writes a file into `samples/`, e.g. `000500.png`. @returns Its path. */
  async writeSample(name: string, bytes: Uint8Array): Promise<string> {
    const path = join(this.samplesFolder, name);
    await withFileErrors(`cannot write ${path}`, () => mkdir(this.samplesFolder, { recursive: true }));
    await writeFileAtomic(path, bytes);
    return path;
  }

  /** The same folder with a new `config.json`, e.g. when a run is continued for more steps. */
  async withConfig(config: RunConfig): Promise<RunFolder> {
    await writeFileAtomic(this.configFile, formatConfig(config));
    return new RunFolder(this.path, config);
  }
}

/** Options of {@link createRunFolder}. */
export interface CreateRunOptions {
  /** Delete the run that is there. Files that are not of a run stay. */
  readonly overwrite?: boolean | undefined;
}

function runKind(run: RunFolder): FolderKind {
  const folders = [run.checkpointsFolder, run.eventsFolder, run.samplesFolder, run.figuresFolder, run.importedFolder];
  return {
    noun: "run",
    fullNoun: "latentkit run",
    isOurs: async () => (await readConfig(run.configFile)).kind === "ours",
    parts: [...folders, run.metricsFile, run.reportFile, run.configFile],
  };
}

/** Refuses at once what {@link createRunFolder} would refuse; changes nothing. */
export function requireNoRun(path: string, { overwrite }: CreateRunOptions = {}): Promise<void> {
  return requireFreeFolder(path, runKind(new RunFolder(path, {})), overwrite);
}

/**
 * Makes a folder for a new run and writes `config.json`.
 *
 * @throws UserError when it cannot be written, holds a run and `overwrite` is not given, or holds files but no run: those are never touched.
 */
export async function createRunFolder(
  path: string,
  config: RunConfig,
  options: CreateRunOptions = {},
): Promise<RunFolder> {
  const run = new RunFolder(path, config);
  await claimFolder(path, runKind(run), options.overwrite);
  return run.withConfig(config);
}

/**
 * Opens the folder of an existing run, to resume it, sample from it or evaluate it.
 *
 * @throws UserError when there is no folder, no `config.json`, or one that is broken or not ours.
 */
export async function openRunFolder(path: string): Promise<RunFolder> {
  const found = await withFileErrors(`cannot open run ${path}`, async () => {
    await readdir(path);
    return readConfig(join(path, CONFIG));
  });
  if (found.kind === "ours") return new RunFolder(path, found.config);
  const reason = {
    missing: `${path} is not a run: it has no ${CONFIG}; give the folder that latentkit train --out made`,
    broken: `${join(path, CONFIG)} is not valid JSON; restore it, or train again with --out ${path} in an empty folder`,
    foreign: `${join(path, CONFIG)} has no "format": "${FORMAT}", so ${path} is not a run of this version; give another folder`,
  }[found.kind];
  throw new UserError("@latentkit/core", reason);
}

type FoundConfig = { kind: "ours"; config: RunConfig } | { kind: "missing" | "broken" | "foreign" };

async function readConfig(path: string): Promise<FoundConfig> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "missing" };
    throw error;
  }
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("format" in value) || value.format !== FORMAT)
      return { kind: "foreign" };
    const { format: _, ...config } = value;
    return { kind: "ours", config: config as RunConfig };
  } catch {
    return { kind: "broken" };
  }
}

function formatConfig(config: RunConfig): string {
  if ("format" in config) throw new RangeError(`run config: the key "format" is taken`);
  return `${JSON.stringify({ format: FORMAT, ...config }, null, 2)}\n`;
}
