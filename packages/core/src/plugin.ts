import type { z } from "zod";
import type { DatumSpec } from "./data.js";
import type { ForeignFormat } from "./foreign.js";
import type { GenerativeModel } from "./model.js";

/** What a model package registers. Its two schemas give defaults, types, command-line flags, JSON Schema and documentation. */
export interface ModelPlugin<C extends z.ZodObject = z.ZodObject, O extends z.ZodObject = z.ZodObject> {
  /** The word behind `latentkit train`. */
  readonly name: string;
  /** One line for `latentkit list`. */
  readonly summary: string;
  /** Every option has a default and a description. */
  readonly config: C;
  readonly sampleOptions: O;
  /** @throws UserError when the configuration cannot be right for the data. */
  create(config: z.output<C>, datum: DatumSpec): GenerativeModel;
  /** Folders of other libraries that hold models of this kind: `latentkit import` and `export`. */
  readonly formats?: readonly ForeignFormat[];
}

/** A plugin with the options chosen: what `train({ model })` takes. */
export interface ConfiguredModel {
  readonly plugin: ModelPlugin;
  /** As the user gave it: checked and completed by {@link parseOptions}. */
  readonly config: Readonly<Record<string, unknown>>;
}

/** Declares a plugin; the types of `create` follow from the schemas. */
export function definePlugin<C extends z.ZodObject, O extends z.ZodObject>(
  plugin: ModelPlugin<C, O>,
): ModelPlugin<C, O> {
  return plugin;
}

/** `vae({ latentDim: 20 })`: the factory a model package exports for use from code. */
export function modelFactory<C extends z.ZodObject>(
  plugin: ModelPlugin<C, any>,
): (config?: z.input<C>) => ConfiguredModel {
  return (config = {} as z.input<C>) => ({
    plugin: plugin as unknown as ModelPlugin,
    config: config as Readonly<Record<string, unknown>>,
  });
}
