#!/usr/bin/env node
/**
 * Packs every built package to a tarball, as `pnpm publish` would: `node tools/pack.mjs FOLDER`.
 * Prints one JSON object that maps package names to tarball paths. Run the build first.
 */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { BootstrapError, bootstrap, isMain, main, packageFolders, pnpm, root } from "./bootstrap.mjs";

/** Packs one package folder (relative to the root) into `target`; returns the tarball's path. Throws BootstrapError. */
export function pack(folder, target) {
  const name = readManifest(folder).name;
  if (!existsSync(join(root, folder, "dist")))
    throw new BootstrapError(`${name} is not built; run \`npm run build\` first`);
  const args = ["pack", "--json", "--pack-destination", resolve(target)];
  const result = pnpm(args, { cwd: join(root, folder), encoding: "utf8" });
  if (result.status !== 0) throw new BootstrapError(`cannot pack ${name}: ${(result.stderr || result.stdout).trim()}`);
  return JSON.parse(result.stdout).filename;
}

/** Packs all packages into `target`; returns a map from package name to tarball path. */
export function packAll(target) {
  mkdirSync(target, { recursive: true });
  return Object.fromEntries(packageFolders().map((folder) => [readManifest(folder).name, pack(folder, target)]));
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"));
}

if (isMain(import.meta.url)) {
  await main(() => {
    const target = process.argv[2];
    if (!target) throw new BootstrapError("say where the tarballs go: node tools/pack.mjs FOLDER");
    bootstrap();
    process.stdout.write(`${JSON.stringify(packAll(target), null, 2)}\n`);
  });
}
