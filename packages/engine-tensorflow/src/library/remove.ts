import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { cacheFolder, DOWNLOADS, installRoot, LOCK, namesIn, WORK } from "./cache.js";
import { withLock } from "./lock.js";
import { inCache } from "./refusal.js";

/** What {@link removeTensorflow} deleted. */
export interface RemoveResult {
  /** The folder of installations. */
  readonly folder: string;
  /** `2.21.0-cpu-linux-x64`. */
  readonly removed: readonly string[];
}

/**
 * Deletes what {@link setupTensorflow} installed, downloads that wait for another attempt included.
 *
 * @param options.version Only the installations of this version.
 * @throws UserError when an installation is under way, or the cache may not be changed.
 */
export async function removeTensorflow({ version }: { readonly version?: string } = {}): Promise<RemoveResult> {
  const root = installRoot();
  if (!existsSync(root)) return { folder: root, removed: [] };
  const chosen = (name: string): boolean => version === undefined || name.startsWith(`${version}-`);
  return inCache(cacheFolder(), () =>
    withLock(join(root, LOCK), async () => {
      const removed = namesIn(root).filter((name) => !name.startsWith(".") && chosen(name));
      await rm(join(root, WORK), { recursive: true, force: true });
      for (const name of removed) {
        await rename(join(root, name), join(root, WORK)); // out of sight at once, then file by file
        await rm(join(root, WORK), { recursive: true, force: true });
      }
      for (const name of await readdir(join(root, DOWNLOADS)).catch(() => [])) {
        if (chosen(name)) await rm(join(root, DOWNLOADS, name), { recursive: true, force: true });
      }
      return { folder: root, removed };
    }),
  );
}
