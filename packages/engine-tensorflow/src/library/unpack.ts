import { rm, statfs } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { cacheFolder } from "./cache.js";
import { withWheel } from "./download.js";
import type { Watch } from "./progress.js";
import { CACHE_VARIABLE, refusal } from "./refusal.js";
import type { Extracted } from "./wheel.js";

const LIBRARY = /^tensorflow\/libtensorflow_(cc|framework)(\.so\.2|\.2\.dylib)$/;
const LICENCE =
  /^(tensorflow\/(THIRD_PARTY_NOTICES\.txt|include\/LICENSE)|[^/]+\.dist-info\/(licenses\/.+|licen[sc]e[^/]*))$/i;
/** Libraries, and what XLA compiles for GPUs with: `ptxas`, `libdevice`. No headers, no Python. */
const CUDA = /^nvidia\/(?!.*(\/include\/|\.py$|\.pyc$|\.a$|\.h$))/;
const isWanted = (path: string): boolean => LIBRARY.test(path) || LICENCE.test(path) || CUDA.test(path);

/** Whether a file of a wheel is the library to load. */
export const isMainLibrary = (path: string): boolean => LIBRARY.exec(path)?.[1] === "cc";

/**
 * Takes what is needed out of the wheels into `tree`, laid out as in a Python's packages: the library looks for CUDA at `../nvidia`.
 *
 * @throws UserError when a wheel is damaged, holds no library, or the disk cannot hold what is in it.
 */
export async function unpack(wheels: readonly string[], tree: string, watch: Watch): Promise<Extracted[]> {
  const files: Extracted[] = [];
  const total = await checkContent(wheels, dirname(tree));
  let bytes = 0;
  for (const path of wheels) {
    const onBytes = (piece: number) => {
      bytes += piece;
      watch.onProgress?.({ stage: "unpack", what: basename(path), bytes, total });
    };
    const extracted = await withWheel(path, (wheel) =>
      wheel.extract(
        wheel.select(isWanted).map((file) => file.path),
        tree,
        { onBytes, signal: watch.signal },
      ),
    );
    files.push(...extracted);
  }
  return files;
}

/** Bytes that will be written, when there is a library among them and the disk has room. */
async function checkContent(wheels: readonly string[], folder: string): Promise<number> {
  const lists = [];
  for (const path of wheels) lists.push(await withWheel(path, async (wheel) => wheel.select(isWanted)));
  const files = lists.flat();
  if (!files.some(({ path }) => isMainLibrary(path))) throw await noLibrary(wheels[0] as string);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= bytes) return bytes;
  const [needed, free] = [bytes, bavail * bsize].map((value) => `${(value / 1e9).toFixed(2)} GB`);
  throw refusal(
    `the library needs ${needed} in ${cacheFolder()}, the disk has ${free} free; nothing was installed; free some space, or set ${CACHE_VARIABLE} to a folder on a larger disk`,
  );
}

async function noLibrary(wheel: string): Promise<Error> {
  await rm(dirname(wheel), { recursive: true, force: true }); // it helps no other attempt
  return refusal(
    `${basename(wheel)} holds no libtensorflow_cc, as wheels before 2.12 and some for rarer systems do not; choose another version`,
  );
}
