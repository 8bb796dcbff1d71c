import { type Command, Option } from "commander";
import type { z } from "zod";
import { UsageError } from "./errors.js";
import { formatDefault, optionDocs } from "./option-docs.js";

/** `batchSize` is the flag `--batch-size`. */
export function flagName(option: string): string {
  return option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** A value as typed: JSON where it is JSON (`20`, `true`, `[400,200]`, `1e-3`), a word otherwise. */
export function parseValue(text: string): unknown {
  if (/^[+-]?\.\d/.test(text)) return Number(text);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Adds a flag for every option of a schema; given values arrive under the option's name.
 *
 * @param skip Options that get no flag, or one by hand.
 */
export function addSchemaFlags(command: Command, schema: z.ZodObject, skip: readonly string[] = []): void {
  for (const { name, type, description, default: value } of optionDocs(schema)) {
    if (skip.includes(name)) continue;
    const placeholder = type === "true | false" ? "[value]" : "<value>";
    const choices = type.includes("|") ? `: ${type}` : "";
    const text = `${description}${choices}${value === undefined ? "" : ` (default: ${formatDefault(value)})`}`;
    const option = new Option(`--${flagName(name)} ${placeholder}`, text).argParser(parseValue);
    command.addOption(type === "true | false" ? option.preset("true") : option);
  }
}

/** The options of a schema that were given as flags. */
export function givenFlags(
  flags: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Record<string, unknown> {
  return Object.fromEntries(names.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
}

/** Collects `--set a.b=1 --set c=word`. */
export function addAssignments(command: Command, flag: string, description: string): void {
  const collect = (text: string, before: readonly string[] = []) => [...before, text];
  command.addOption(
    new Option(`${flag} <name=value>`, `${description} (repeatable; dotted names, JSON values)`).argParser(collect),
  );
}

/**
 * Reads assignments; a dotted name stands for a nested option.
 *
 * @param flag Named in messages: `--set`.
 * @throws UsageError when there is no `=`.
 */
export function parseAssignments(flag: string, texts: readonly string[] = []): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const text of texts) {
    const cut = text.indexOf("=");
    if (cut < 1) throw new UsageError(`${flag} must be name=value, got "${text}"; for example ${flag} latentDim=20`);
    assign(result, text.slice(0, cut).split("."), parseValue(text.slice(cut + 1)));
  }
  return result;
}

function assign(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [head = "", ...rest] = path;
  if (rest.length === 0) {
    target[head] = value;
    return;
  }
  const child = target[head];
  const next = typeof child === "object" && child !== null && !Array.isArray(child) ? { ...child } : {};
  assign(next as Record<string, unknown>, rest, value);
  target[head] = next;
}

/** Options over options: nested ones are merged, everything else is replaced. */
export function mergeOptions(
  base: Readonly<Record<string, unknown>>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base };
  for (const [name, value] of Object.entries(over)) {
    const before = result[name];
    result[name] = isOptions(before) && isOptions(value) ? mergeOptions(before, value) : value;
  }
  return result;
}

function isOptions(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A whole number behind a flag. @throws UsageError for anything else. */
export function wholeNumber(flag: string, smallest = 0): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isSafeInteger(value) && value >= smallest) return value;
    throw new UsageError(`${flag} must be a whole number from ${smallest}, got "${text}"`);
  };
}
