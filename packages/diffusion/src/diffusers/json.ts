import { type ForeignFolder, type Json, UserError } from "@latentkit/core";

/** A JSON object. */
export type JsonObject = { readonly [key: string]: Json };

/** Numbers that Python writes as JSON does not know them; here they are texts with this mark. */
const MARK = "python:";

/** Outside of strings, which are matched first and left as they are. */
const toMarked = (text: string): string =>
  text.replace(/"(?:[^"\\]|\\.)*"|-?Infinity|NaN/g, (token) => (token.startsWith('"') ? token : `"${MARK}${token}"`));
const fromMarked = (text: string): string => text.replace(/"python:(-?Infinity|NaN)"/g, "$1");

/** Reads a JSON file that must hold an object. @throws UserError when it does not. */
export async function readJson(folder: ForeignFolder, path: string): Promise<JsonObject> {
  const bytes = await folder.read(path);
  let value: unknown;
  try {
    value = JSON.parse(toMarked(new TextDecoder().decode(bytes)));
  } catch (error) {
    throw new UserError("@latentkit/diffusion", `${folder.name}/${path} is not JSON (${(error as Error).message})`);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new UserError("@latentkit/diffusion", `${folder.name}/${path} must hold a JSON object`);
}

/** As diffusers writes it: sorted, indented by two. */
export function writeJson(value: JsonObject): Uint8Array {
  const sorted = Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return new TextEncoder().encode(`${fromMarked(JSON.stringify(sorted, null, 2))}\n`);
}

/** `blockOutChannels` is `block_out_channels`. */
export const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
