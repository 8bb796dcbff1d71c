import { z } from "zod";

/** An option of a model, a data set or the trainer, as help and `list` show it. */
export interface OptionDoc {
  readonly name: string;
  /** `integer`, `number`, `true | false`, `a | b`, `list of integer` … */
  readonly type: string;
  /** Absent when it may be left out without one, or must be given. */
  readonly default?: unknown;
  readonly description: string;
}

interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly default?: unknown;
  readonly description?: string;
}

/** What a zod schema says of its options, in its order. */
export function optionDocs(schema: z.ZodObject): OptionDoc[] {
  const { properties = {} } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    type: typeOf(property),
    description: property.description ?? "",
    ...(property.default === undefined ? {} : { default: property.default }),
  }));
}

function typeOf({ type, enum: choices, const: constant, anyOf, items }: JsonSchema): string {
  if (choices !== undefined) return choices.map(String).join(" | ");
  if (constant !== undefined) return String(constant);
  if (anyOf !== undefined) return anyOf.map(typeOf).join(" | ");
  if (items !== undefined) return `list of ${typeOf(items)}`;
  if (type === "boolean") return "true | false";
  return Array.isArray(type) ? type.join(" | ") : ((type as string | undefined) ?? "value");
}

/** How a default is written behind `--set name=`: JSON, words without quotes. */
export function formatDefault(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
