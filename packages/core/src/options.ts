import { UserError } from "@latentkit/jit";
import type { z } from "zod";
import { didYouMean } from "./nearest.js";

/**
 * Checks options against a schema and fills in defaults. Unknown names are refused, with the nearest known one.
 *
 * @param owner Package or plugin that the message names.
 * @throws UserError naming the first option that is wrong, what it must be and what was given.
 */
export function parseOptions<S extends z.ZodObject>(
  owner: string,
  schema: S,
  given: Readonly<Record<string, unknown>>,
): z.output<S> {
  const known = Object.keys(schema.shape);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const list = known.length > 0 ? `known: ${known.join(", ")}` : "it takes no options";
    throw new UserError(owner, `unknown option "${unknown}"${didYouMean(unknown, known)}; ${list}`);
  }
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data as z.output<S>;
  const [issue] = parsed.error.issues;
  const path = issue?.path.join(".") ?? "";
  const value = valueAt(given, issue?.path ?? []);
  const meant =
    issue?.code === "invalid_value" && typeof value === "string" ? didYouMean(value, issue.values.map(String)) : "";
  throw new UserError(owner, `${path}: ${lowerFirst(issue?.message ?? "invalid")}, got ${describe(value)}${meant}`);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((node, key) => (node as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function describe(value: unknown): string {
  return typeof value === "string" ? `"${value}"` : (JSON.stringify(value) ?? String(value));
}

/** Zod ends some messages with `, received string`; the value itself says more. */
function lowerFirst(message: string): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`.replace(/, received .*$/, "");
}
