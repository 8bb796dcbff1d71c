import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { ModelPlugin } from "@latentkit/core";

/** Model plugins found, and a line for each that could not be used. */
export interface Discovery {
  readonly plugins: readonly { readonly plugin: ModelPlugin; readonly packageName: string; readonly version: string }[];
  readonly warnings: readonly string[];
}

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly latentkit?: { readonly plugin?: unknown };
  readonly [field: string]: unknown;
}

const DEPENDENCY_FIELDS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;

/**
 * Finds the model packages that a project depends on: those whose package.json says `"latentkit": { "plugin": "./dist/plugin.js" }`.
 * Every package.json from a folder upwards counts, as it does for Node. A broken plugin is a warning, never an error.
 */
export async function discoverPlugins(from: string = process.cwd()): Promise<Discovery> {
  const plugins: Discovery["plugins"][number][] = [];
  const warnings: string[] = [];
  for (const { folder, manifest } of pluginPackages(from)) {
    const { name = folder, version = "?" } = manifest;
    const path = manifest.latentkit?.plugin;
    try {
      plugins.push({ plugin: await loadPlugin(folder, path), packageName: name, version });
    } catch (error) {
      const [line = ""] = (error as Error).message.split("\n");
      warnings.push(`plugin ${name} is left out: ${line}`);
    }
  }
  return { plugins, warnings };
}

function pluginPackages(from: string): { folder: string; manifest: Manifest }[] {
  const found = new Map<string, { folder: string; manifest: Manifest }>();
  for (const project of foldersUpwards(from)) {
    for (const name of dependenciesOf(project)) {
      const folder = found.has(name) ? undefined : findPackage(name, project);
      const manifest = folder && readManifest(folder);
      if (folder && manifest && isRecord(manifest.latentkit)) found.set(name, { folder, manifest });
    }
  }
  return [...found.values()];
}

function foldersUpwards(from: string): string[] {
  const folders = [resolve(from)];
  for (let parent = dirname(folders[0] as string); parent !== folders.at(-1); parent = dirname(parent))
    folders.push(parent);
  return folders;
}

function dependenciesOf(folder: string): string[] {
  const manifest = readManifest(folder);
  return DEPENDENCY_FIELDS.flatMap((field) =>
    isRecord(manifest?.[field]) ? Object.keys(manifest[field] as object) : [],
  );
}

function findPackage(name: string, from: string): string | undefined {
  const places = foldersUpwards(from).map((folder) => join(folder, "node_modules", name));
  return places.find((place) => existsSync(join(place, "package.json")));
}

function readManifest(folder: string): Manifest | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined; // no project here, or one that other tools will complain about
  }
}

async function loadPlugin(folder: string, path: unknown): Promise<ModelPlugin> {
  if (typeof path !== "string") throw new Error('"latentkit.plugin" in its package.json must be the path of a module');
  const file = resolve(folder, path);
  if (!existsSync(file)) throw new Error(`${file} does not exist; build or reinstall it`);
  const module: Record<string, unknown> = await import(pathToFileURL(file).href);
  const plugin = module.default ?? module.plugin;
  const missing = missingPart(plugin);
  if (missing !== undefined) throw new Error(`${path} exports no model plugin as default or as "plugin" (${missing})`);
  return plugin as ModelPlugin;
}

function missingPart(plugin: unknown): string | undefined {
  if (!isRecord(plugin)) return "no object";
  if (typeof plugin.name !== "string" || plugin.name === "") return "name is missing";
  if (typeof plugin.create !== "function") return "create is missing";
  const schemas = ["config", "sampleOptions"] as const;
  const bad = schemas.find(
    (field) => !isRecord(plugin[field]) || !isRecord((plugin[field] as Record<string, unknown>).shape),
  );
  return bad === undefined ? undefined : `${bad} is not a zod object`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
