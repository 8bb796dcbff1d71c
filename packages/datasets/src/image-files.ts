import { readdir } from "node:fs/promises";
import { join, sep } from "node:path";
import { unreadable } from "./file.js";
import { refusal } from "./refusal.js";

/** An image file of a folder and what its place says. */
export interface ImageFile {
  /** Path under the folder, with `/` between names. */
  readonly path: string;
  readonly split: "train" | "test" | "valid" | undefined;
  /** Name of the sub-folder that tells the class; absent when the file lies in none. */
  readonly folder?: string;
}

const SPLIT_FOLDERS: Readonly<Record<string, "train" | "test" | "valid">> = {
  train: "train",
  test: "test",
  val: "valid",
  valid: "valid",
  validation: "valid",
};

/**
 * Finds the PNG and JPEG files of a folder and its sub-folders, sorted by path; hidden files are left out.
 * When its sub-folders are `train` and `test` (and `valid`), they are the splits, and classes are their sub-folders.
 *
 * @throws UserError when the folder is missing or holds no images.
 */
export async function findImages(root: string): Promise<ImageFile[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR")
      throw refusal(`${root} is a file; give the folder of the images`, error);
    throw unreadable(root, error);
  });
  const prefix = join(root, sep).length;
  const paths = entries
    .filter((entry) => entry.isFile() && /\.(png|jpe?g)$/i.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).slice(prefix).split(sep))
    .filter((names) => !names.some((name) => name.startsWith(".")))
    .sort((a, b) => (a.join("/") < b.join("/") ? -1 : 1));
  if (paths.length === 0) throw refusal(`${root} holds no .png, .jpg or .jpeg files; give a folder of images`);
  const top = new Set(paths.map((names) => (names.length > 1 ? (names[0] as string) : "")));
  const hasSplits = top.has("train") && top.has("test") && [...top].every((name) => name in SPLIT_FOLDERS);
  return paths.map((names) => {
    const folders = names.slice(hasSplits ? 1 : 0, -1);
    return {
      path: names.join("/"),
      split: hasSplits ? SPLIT_FOLDERS[names[0] as string] : undefined,
      ...(folders[0] === undefined ? {} : { folder: folders[0] }),
    };
  });
}
