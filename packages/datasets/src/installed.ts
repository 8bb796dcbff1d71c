import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Folder of an installed npm package: first as this package sees it, then as the program's working folder does
 * (where optional data packages are installed).
 *
 * @returns Nothing when it is not installed.
 */
export function installedFolder(packageName: string): string | undefined {
  for (const origin of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return dirname(createRequire(origin).resolve(`${packageName}/package.json`));
    } catch {
      // not visible from here; try the next place
    }
  }
  return undefined;
}
