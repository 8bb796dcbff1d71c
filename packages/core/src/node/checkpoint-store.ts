import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "@latentkit/jit";
import {
  type Checkpoint,
  type CheckpointChoice,
  type CheckpointInfo,
  type CheckpointMeta,
  type CheckpointStore,
  checkpointName,
  chooseCheckpoint,
  chooseFiles,
  expiredCheckpoints,
  type Retention,
  type TensorFiles,
} from "../checkpoint.js";
import { decodeSafetensors, encodeSafetensors, type SafetensorsFile } from "../safetensors.js";
import { sha256, syncFolder, withFileErrors, writeFileSynced } from "./files.js";
import { formatManifest, MANIFEST_FILE, type Manifest, manifestInfo, readManifest } from "./manifest.js";

/** A folder being written; worthless when its process died. */
const WRITING = ".writing-";
/** A folder on its way out. */
const EXPIRED = ".expired-";
/** A folder that makes room for a new one of the same step; it counts until that is in place. */
const REPLACED = ".replaced-";

/** A checkpoint's folder, sound or damaged. */
interface Found {
  readonly step: number;
  readonly folder: string;
  /** What is wrong, in words, when it cannot be described. */
  readonly manifest: Manifest | string;
}

/**
 * Checkpoints as folders: `000500/{model,ema,optimizer}.safetensors` and `manifest.json` with the sha256 of each.
 *
 * A folder is written under another name, every file and the folder synced, then renamed, so a folder named by its step is complete
 * whenever the process or the machine dies. Leftovers of a death are cleaned by the next save. One process may save at a time.
 */
export class FileCheckpointStore implements CheckpointStore {
  /** @param folder Created by the first save. */
  constructor(
    readonly folder: string,
    readonly retention: Retention = {},
  ) {}

  /** @throws UserError when the disk is full, or the folder cannot be written; earlier checkpoints are intact. */
  async save(step: number, files: TensorFiles, meta: CheckpointMeta = {}): Promise<CheckpointInfo> {
    const name = checkpointName(step);
    return withFileErrors(`cannot save checkpoint ${name} in ${this.folder} (earlier ones are intact)`, async () => {
      await mkdir(this.folder, { recursive: true });
      await this.#cleanLeftovers();
      const writing = join(this.folder, WRITING + name);
      try {
        await mkdir(writing);
        await writeCheckpoint(writing, step, files, meta);
        await this.#moveAway(name, REPLACED + name);
        await rename(writing, join(this.folder, name));
      } catch (error) {
        await this.#cleanLeftovers().catch(() => undefined); // the first error tells more
        throw error;
      }
      await syncFolder(this.folder);
      await this.#deleteExpired(step);
      return manifestInfo((await this.#find(step))?.manifest as Manifest);
    });
  }

  async list(): Promise<readonly CheckpointInfo[]> {
    return describe(await this.#findAll());
  }

  /** @throws UserError when there is none, or when a file is missing or its sha256 differs; names the checkpoint to use instead. */
  async load(which: CheckpointChoice, files?: readonly string[]): Promise<Checkpoint> {
    const all = await this.#findAll();
    const { step, folder, manifest } = this.#choose(which, all);
    if (typeof manifest === "string") throw await this.#damaged(folder, manifest, step, all);
    const info = manifestInfo(manifest);
    const tensors: Record<string, SafetensorsFile["tensors"]> = {};
    for (const name of chooseFiles(info, files)) {
      const bytes = await readVerified(folder, `${name}.safetensors`, manifest);
      if (typeof bytes === "string") throw await this.#damaged(folder, bytes, step, all);
      tensors[name] = decodeSafetensors(bytes, join(folder, `${name}.safetensors`)).tensors;
    }
    return { info, tensors };
  }

  /** A damaged checkpoint can be chosen by its step and as the latest: loading it must say so, not pass it over. */
  #choose(which: CheckpointChoice, all: readonly Found[]): Found {
    const named = which === "latest" ? all.at(-1) : all.find(({ step }) => step === which);
    if (named !== undefined) return named;
    const { step } = chooseCheckpoint(which, describe(all), this.retention.better);
    return all.find((found) => found.step === step) as Found;
  }

  async #damaged(folder: string, detail: string, step: number, all: readonly Found[]): Promise<UserError> {
    const before = all.filter((found) => found.step < step).reverse();
    const after = all.filter((found) => found.step > step);
    let advice = "no other checkpoint is intact; train again with --overwrite";
    for (const other of [...before, ...after]) {
      if (!(await isIntact(other))) continue;
      advice = `use --checkpoint ${checkpointName(other.step)}`;
      break;
    }
    return new UserError("@latentkit/core", `checkpoint ${folder} is damaged: ${detail}; ${advice}`);
  }

  async #findAll(): Promise<Found[]> {
    const names = await this.#names();
    const folders = new Map<number, string>();
    for (const name of names) {
      const [, prefix, original = ""] = /^(\.replaced-)?(\d{6,})$/.exec(name) ?? [];
      if (original !== "" && (prefix === undefined || !names.includes(original))) folders.set(Number(original), name);
    }
    const found = [...folders].map(async ([step, name]) => {
      const folder = join(this.folder, name);
      return { step, folder, manifest: await readManifest(folder, step) };
    });
    return (await Promise.all(found)).sort((a, b) => a.step - b.step);
  }

  async #find(step: number): Promise<Found | undefined> {
    return (await this.#findAll()).find((found) => found.step === step);
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
      return withFileErrors(`cannot read ${this.folder}`, () => Promise.reject(error));
    }
  }

  async #moveAway(name: string, to: string): Promise<void> {
    try {
      await rename(join(this.folder, name), join(this.folder, to));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /** Deletes half-written, expired and replaced folders; one whose successor never arrived gets its name back. */
  async #cleanLeftovers(): Promise<void> {
    const names = await this.#names();
    for (const name of names) {
      const original = name.startsWith(REPLACED) ? name.slice(REPLACED.length) : undefined;
      if (original !== undefined && !names.includes(original)) await this.#moveAway(name, original);
      else if ([WRITING, EXPIRED, REPLACED].some((prefix) => name.startsWith(prefix))) {
        await rm(join(this.folder, name), { recursive: true, force: true });
      }
    }
  }

  /** Renamed before they are deleted, so that no checkpoint is ever half there under its name. */
  async #deleteExpired(saved: number): Promise<void> {
    const all = await this.#findAll();
    const abandoned = all.filter(({ step }) => step > saved);
    const expired = expiredCheckpoints(describe(all.filter(({ step }) => step <= saved)), this.retention);
    for (const { step } of [...abandoned, ...expired]) {
      await this.#moveAway(checkpointName(step), EXPIRED + checkpointName(step));
    }
    await this.#cleanLeftovers();
  }
}

const describe = (all: readonly Found[]): CheckpointInfo[] =>
  all.flatMap(({ manifest }) => (typeof manifest === "string" ? [] : [manifestInfo(manifest)]));

async function writeCheckpoint(folder: string, step: number, files: TensorFiles, meta: CheckpointMeta): Promise<void> {
  const written: Manifest["files"] = {};
  for (const name of Object.keys(files).sort()) {
    if (!/^[a-z][a-z0-9-]*$/.test(name)) throw new RangeError(`checkpoint: bad file name ${JSON.stringify(name)}`);
    const bytes = encodeSafetensors(files[name] as SafetensorsFile["tensors"], {
      format: "latentkit",
      step: String(step),
    });
    written[`${name}.safetensors`] = { bytes: bytes.length, sha256: sha256(bytes) };
    await writeFileSynced(join(folder, `${name}.safetensors`), bytes);
  }
  await writeFileSynced(join(folder, MANIFEST_FILE), formatManifest(step, meta, written));
  await syncFolder(folder);
}

/** A file's bytes, or in words how they differ from what the manifest says. */
async function readVerified(folder: string, file: string, manifest: Manifest): Promise<Uint8Array | string> {
  const expected = manifest.files[file] as Manifest["files"][string];
  const path = join(folder, file);
  const size = await stat(path).then(
    (status) => status.size,
    () => undefined,
  );
  if (size === undefined) return `${file} is missing`;
  if (size !== expected.bytes) return `${file} has ${size} bytes instead of ${expected.bytes}`;
  const bytes = await withFileErrors(`cannot read ${path}`, () => readFile(path));
  const found = sha256(bytes);
  return found === expected.sha256 ? bytes : `${file} has sha256 ${found}, expected ${expected.sha256}`;
}

async function isIntact({ folder, manifest }: Found): Promise<boolean> {
  if (typeof manifest === "string") return false;
  for (const file of Object.keys(manifest.files)) {
    if (typeof (await readVerified(folder, file, manifest)) === "string") return false;
  }
  return true;
}
