import { rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { thisPlatform, type Variant } from "./cache.js";
import { downloadWheel, type Pip } from "./pip.js";
import type { Watch } from "./progress.js";
import { refusal } from "./refusal.js";
import { DamagedWheelError, requirementsOf, Wheel } from "./wheel.js";

/** What to download, and where to. */
export interface Wanted {
  readonly version: string;
  readonly variant: Variant;
  /** Gets a folder for each wheel, which stays until everything is installed. */
  readonly downloads: string;
  /** For pip's temporary files. */
  readonly scratch: string;
}

/** Downloads the wheel of TensorFlow, and those of CUDA that it names. @returns Their paths, TensorFlow's first. */
export async function downloadAll(pip: Pip, wanted: Wanted, { onProgress, signal }: Watch): Promise<string[]> {
  const { version, variant, downloads, scratch } = wanted;
  const download = (requirement: string): Promise<string> => {
    const what = requirement.replace(/[<>=!~[].*/, "");
    return downloadWheel({
      pip,
      requirement,
      folder: join(downloads, what),
      scratch: join(scratch, what),
      signal,
      onBytes: (bytes, total) => onProgress?.({ stage: "download", what, bytes, total }),
    });
  };
  const main = await download(`${packageName(variant)}==${version}`);
  if (variant === "cpu") return [main];
  const cuda = requirementsOf(await withWheel(main, (wheel) => wheel.info("METADATA")), "and-cuda");
  if (cuda.length === 0)
    throw refusal(
      `tensorflow ${version} does not name the CUDA packages it needs, as it does from 2.14 on; choose such a version`,
    );
  const wheels = [main];
  for (const requirement of cuda) wheels.push(await download(requirement));
  return wheels;
}

/** tensorflow-cpu is the smaller one, made for x64 alone. */
function packageName(variant: Variant): string {
  return variant === "cpu" && process.arch === "x64" && thisPlatform() !== "darwin-x64"
    ? "tensorflow-cpu"
    : "tensorflow";
}

/** Opens a wheel for some work. A damaged one is deleted, or it would be found damaged again. @throws UserError when it is. */
export async function withWheel<T>(path: string, work: (wheel: Wheel) => Promise<T>): Promise<T> {
  let wheel: Wheel | undefined;
  try {
    wheel = await Wheel.open(path);
    return await work(wheel);
  } catch (error) {
    if (!(error instanceof DamagedWheelError)) throw error;
    await rm(dirname(path), { recursive: true, force: true });
    throw refusal(
      `the downloaded ${basename(path)} is damaged (${error.message}); it was deleted: run the command again`,
      error,
    );
  } finally {
    wheel?.close();
  }
}
