import { type HostTensor, UserError } from "@latentkit/jit";

/** What `JSON.parse` can give. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The files of a checkpoint by name (`model`, `ema`, `optimizer` …), each a map from path to tensor. */
export type TensorFiles = Readonly<Record<string, ReadonlyMap<string, HostTensor>>>;

/** What is kept beside the tensors; `metric` decides which checkpoint is the best. */
export interface CheckpointMeta {
  /** A checkpoint without it, or with a number that is not finite, is never the best. */
  readonly metric?: number | undefined;
  readonly [key: string]: Json | undefined;
}

/** A checkpoint without its tensors. */
export interface CheckpointInfo {
  readonly step: number;
  /** The step as users write it behind `--checkpoint`: `000500`. */
  readonly name: string;
  readonly meta: CheckpointMeta;
  /** Names of the files. */
  readonly files: readonly string[];
}

/** A checkpoint with the files that were asked for. */
export interface Checkpoint {
  readonly info: CheckpointInfo;
  readonly tensors: TensorFiles;
}

/** Which checkpoint: its step, the one with the highest step, or the one with the best metric. */
export type CheckpointChoice = number | "latest" | "best";

/**
 * Reads what stands behind `--checkpoint`: `000400`, `400`, `latest` or `best`.
 *
 * @throws UserError for anything else.
 */
export function parseCheckpointChoice(text: string): CheckpointChoice {
  if (text === "latest" || text === "best") return text;
  const step = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(step)) return step;
  throw new UserError("@latentkit/core", `--checkpoint must be a step, latest or best, got ${JSON.stringify(text)}`);
}

/** Keeps the states of one run; registered under the token `CHECKPOINT_STORE`. */
export interface CheckpointStore {
  /**
   * Keeps a checkpoint, all of it or nothing, then forgets those beyond the retention policy. A checkpoint of the same step is
   * replaced, and those of later steps are forgotten: the run went back before them.
   *
   * @throws UserError when it cannot be written; checkpoints saved before stay as they were.
   */
  save(step: number, files: TensorFiles, meta?: CheckpointMeta): Promise<CheckpointInfo>;
  /** Checkpoints with a readable description, by rising step. Tensors are verified by {@link load} only. */
  list(): Promise<readonly CheckpointInfo[]>;
  /**
   * Reads and verifies a checkpoint.
   *
   * @param files Read these files only; all when absent.
   * @throws UserError when there is none, or it is damaged; the message says which other one to use.
   */
  load(which: CheckpointChoice, files?: readonly string[]): Promise<Checkpoint>;
}

/** Which checkpoints stay. */
export interface Retention {
  /** Number of the most recent ones; 3 when absent. */
  readonly keepLast?: number | undefined;
  /** Whether a lower or a higher metric is better; `lower` when absent, as for losses. The best one always stays. */
  readonly better?: "lower" | "higher" | undefined;
}

/** `500` becomes `000500`. @throws RangeError when `step` is not a whole number from 0. */
export function checkpointName(step: number): string {
  if (!Number.isSafeInteger(step) || step < 0)
    throw new RangeError(`checkpoint: step must be a whole number, got ${step}`);
  return String(step).padStart(6, "0");
}

/** The checkpoint with the best metric, the latest of equals; `undefined` when none has a metric. */
export function bestCheckpoint(
  checkpoints: readonly CheckpointInfo[],
  better: "lower" | "higher" = "lower",
): CheckpointInfo | undefined {
  const sign = better === "lower" ? 1 : -1;
  let best: CheckpointInfo | undefined;
  for (const info of checkpoints) {
    if (!Number.isFinite(info.meta.metric)) continue;
    if (best === undefined || sign * (info.meta.metric as number) <= sign * (best.meta.metric as number)) best = info;
  }
  return best;
}

/** Splits checkpoints (by rising step) into those that stay and those to forget. */
export function expiredCheckpoints(checkpoints: readonly CheckpointInfo[], retention: Retention): CheckpointInfo[] {
  const last = checkpoints.slice(-Math.max(1, retention.keepLast ?? 3));
  const best = bestCheckpoint(checkpoints, retention.better);
  return checkpoints.filter((info) => !last.includes(info) && info !== best);
}

/**
 * Finds the step of a choice.
 *
 * @param checkpoints By rising step.
 * @throws UserError when there is no such checkpoint.
 */
export function chooseCheckpoint(
  which: CheckpointChoice,
  checkpoints: readonly CheckpointInfo[],
  better: "lower" | "higher" = "lower",
): CheckpointInfo {
  const latest = checkpoints.at(-1);
  if (latest === undefined) {
    throw new UserError("@latentkit/core", "the run has no checkpoint yet; train it until the first one is saved");
  }
  if (which === "latest") return latest;
  const found = which === "best" ? bestCheckpoint(checkpoints, better) : checkpoints.find(({ step }) => step === which);
  if (found !== undefined) return found;
  if (which === "best") {
    throw new UserError(
      "@latentkit/core",
      "--checkpoint best: no checkpoint of this run has a metric; use --checkpoint latest",
    );
  }
  const names = checkpoints.map(({ name }) => name).join(", ");
  throw new UserError(
    "@latentkit/core",
    `--checkpoint ${checkpointName(which)}: the run has no such checkpoint; use one of ${names}`,
  );
}

/**
 * Picks the files asked for.
 *
 * @throws UserError when one is not in the checkpoint.
 */
export function chooseFiles(info: CheckpointInfo, files: readonly string[] | undefined): readonly string[] {
  const missing = files?.find((name) => !info.files.includes(name));
  if (missing !== undefined) {
    throw new UserError(
      "@latentkit/core",
      `checkpoint ${info.name} has no file ${missing}; it holds ${info.files.join(", ")}`,
    );
  }
  return files ?? info.files;
}

/** Checkpoints in memory: for browsers, notebooks and tests. */
export class MemoryCheckpointStore implements CheckpointStore {
  readonly #kept = new Map<number, Checkpoint>();

  constructor(readonly retention: Retention = {}) {}

  async save(step: number, files: TensorFiles, meta: CheckpointMeta = {}): Promise<CheckpointInfo> {
    const info = { step, name: checkpointName(step), meta, files: Object.keys(files).sort() };
    this.#kept.set(step, { info, tensors: copyFiles(files) });
    for (const later of [...this.#kept.keys()].filter((kept) => kept > step)) this.#kept.delete(later);
    for (const expired of expiredCheckpoints(await this.list(), this.retention)) this.#kept.delete(expired.step);
    return info;
  }

  async list(): Promise<readonly CheckpointInfo[]> {
    return [...this.#kept.values()].map(({ info }) => info).sort((a, b) => a.step - b.step);
  }

  async load(which: CheckpointChoice, files?: readonly string[]): Promise<Checkpoint> {
    const info = chooseCheckpoint(which, await this.list(), this.retention.better);
    const { tensors } = this.#kept.get(info.step) as Checkpoint;
    const chosen = chooseFiles(info, files).map(
      (name) => [name, tensors[name] as ReadonlyMap<string, HostTensor>] as const,
    );
    return { info, tensors: copyFiles(Object.fromEntries(chosen)) };
  }
}

function copyFiles(files: TensorFiles): TensorFiles {
  const copy = (tensors: ReadonlyMap<string, HostTensor>) =>
    new Map([...tensors].map(([path, tensor]) => [path, { ...tensor, data: tensor.data.slice() }]));
  return Object.fromEntries(Object.entries(files).map(([name, tensors]) => [name, copy(tensors)]));
}
