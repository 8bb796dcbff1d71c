/**
 * Every code block of the documentation, run as a reader would: README.md, docs/*.md and packages/*\/README.md. Expects a built checkout.
 *
 * Blocks of a page run in order, in one folder of a project that has latentkit installed. A js or ts block is a whole program; ts is type-checked
 * too. Of a sh block, `npx latentkit` lines run; of `npm` and `node` lines the packages, scripts and files that they name must exist.
 * A comment on the line before a block may say more, in words separated by spaces:
 *
 *   <!-- not run: REASON -->
 *   <!-- run: steps=20 limit=50 -->       smaller numbers behind these options; `latentkit train` gets --steps even if it has none
 *   <!-- run: file=plugin.js -->          only kept, under this name, for later blocks; the one way to give other languages a meaning
 *   <!-- run: file=plugin.test.js vitest only=NAME -->   run by vitest, all tests or those with NAME in their name
 */
import { execFile } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { promisify } from "node:util";
import { findLibrary } from "@latentkit/engine-tensorflow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { environment, packageFolders, root } from "./bootstrap.mjs";
import { toJavaScript, typeErrors } from "./typescript.mjs";

const exec = promisify(execFile);
const LANGUAGES = { js: ".js", javascript: ".js", ts: ".ts", typescript: ".ts", sh: ".sh", bash: ".sh" };
const project = mkdtempSync(join(tmpdir(), "latentkit-docs-"));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

const folderPages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
const pages = [
  "README.md",
  ...folderPages.map((name) => `docs/${name}`),
  ...packageFolders().map((name) => `${name}/README.md`),
];

/** The blocks of a page with language, text, the comment before and the number of their first line. */
function blocksOf(page) {
  const lines = readFileSync(join(root, page), "utf8").split("\n");
  const blocks = [];
  for (let i = 0; i < lines.length; i++) {
    const opening = /^(\s*)```(\w*)/.exec(lines[i]);
    if (opening === null) continue;
    const end = lines.findIndex((line, j) => j > i && line.trim() === "```");
    if (end < 0) throw new Error(`${page}:${i + 1}: the block has no end`);
    const text = lines.slice(i + 1, end).join("\n");
    blocks.push({
      page,
      line: i + 1,
      language: opening[2],
      text,
      ...withoutLibrary(text),
      ...marker(lines[i - 1] ?? "", page, i),
    });
    i = end;
  }
  return blocks;
}

/** Blocks that compute with TensorFlow's library are left out where it is missing; in CI it must be there. */
function withoutLibrary(text) {
  const needed = /await tensorflow\(/.test(text) && findLibrary() === undefined && !process.env.CI;
  return needed ? { reason: "TensorFlow's library is not installed here; latentkit setup tensorflow" } : {};
}

/** What the comment before a block asks for. */
function marker(comment, page, line) {
  const [, not, said] = /^\s*<!--\s*(not )?run:\s*(.*?)\s*-->\s*$/.exec(comment) ?? [];
  if (said === undefined) return { numbers: {} };
  if (said === "") throw new Error(`${page}:${line}: the comment says nothing`);
  if (not !== undefined) return { reason: said, numbers: {} };
  const words = Object.fromEntries(said.split(/\s+/).map((word) => [word.split("=")[0], word.split("=")[1] ?? true]));
  const { file, vitest, only, ...numbers } = words;
  return { file, vitest, only, numbers };
}

/** The block with the numbers of its comment: `steps: 5000` or `--steps 5000` with `steps=20` gets 20. */
function withNumbers({ text, language, numbers }) {
  const isShell = LANGUAGES[language] === ".sh";
  return Object.entries(numbers).reduce(
    (before, [name, value]) => {
      const kebab = name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      const flag = new RegExp(`(--${kebab}[ =])\\S+`, "g");
      const option = new RegExp(`(\\b${name}: )[-\\d_.e]+`, "g");
      let after = before.replace(isShell ? flag : option, `$1${value}`);
      if (isShell && name === "steps")
        after = after.replace(/(latentkit train (?!.*--steps)[^#\n]*)/g, `$1 --steps ${value} `);
      if (after === before) throw new Error(`its comment says ${name}=${value}, but the block has no such number`);
      return after;
    },
    isShell ? text.replaceAll("\\\n", " ") : text,
  );
}

/** A project with our packages installed, by links to the built ones. */
function install() {
  const modules = join(project, "node_modules");
  const link = (name, target) => {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(target, join(modules, name), "junction");
  };
  for (const folder of packageFolders()) link(`@latentkit/${basename(folder)}`, join(root, folder));
  const borrowed = { "@tensorflow/tfjs-core": "core", zod: "core", vitest: "core", "@types/node": "." };
  for (const [name, from] of Object.entries(borrowed))
    link(name, join(root, from === "." ? "" : `packages/${from}`, "node_modules", name));
  // Built packages are linked, so vitest would take them for sources of the project and transform them.
  const settings = { test: { testTimeout: 60_000, server: { deps: { external: ["PATTERN"] } } } };
  const pattern = String.raw`/[\\/]packages[\\/][^\\/]+[\\/]dist[\\/]/`;
  const config = `export default ${JSON.stringify(settings).replace('"PATTERN"', pattern)};\n`;
  writeFileSync(join(project, "vitest.config.js"), config);
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "docs", private: true, type: "module" }));
}

/** Where a block of code is kept. */
function fileOf(block) {
  return join(project, block.page.replace(/\.md$/, ""), block.file ?? `line-${block.line}${LANGUAGES[block.language]}`);
}

function save(block) {
  const file = fileOf(block);
  const text = withNumbers(block);
  writeFileSync(file, text);
  if (extname(file) !== ".ts") return file;
  const runnable = file.replace(/\.ts$/, ".js");
  writeFileSync(runnable, toJavaScript(text));
  return runnable;
}

async function node(args, cwd) {
  const env = environment({ NO_COLOR: "1", VITEST: undefined });
  try {
    return await exec(process.execPath, args, { cwd, env, timeout: 120_000, maxBuffer: 2 ** 24 });
  } catch ({ code, message, stdout = "", stderr = "" }) {
    throw new Error(`${args.map((arg) => basename(arg)).join(" ")} ended with ${code ?? message}\n${stdout}${stderr}`);
  }
}

const cli = join(root, "packages/cli/bin/latentkit.js");
const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");

async function runBlock(block) {
  const cwd = dirname(fileOf(block));
  if (LANGUAGES[block.language] === ".sh") return runCommands(withNumbers(block), cwd, block.page);
  const file = save(block);
  const vitestRun = [vitest, "run", file, "--root", cwd, "--config", join(project, "vitest.config.js")];
  if (block.vitest) await node([...vitestRun, ...(block.only ? ["-t", block.only] : [])], cwd);
  else if (block.file === undefined) await node([file], cwd);
}

/**
 * What keeps commands quick where they do not say otherwise: less to measure, no threads that wait for each other, and no compiling for a few
 * steps. The front page's run as they are for a reader whose engine is chosen and compiles; packages/cli/test/engines.test.ts compiles every family.
 */
function quickOptions(verb, words, page) {
  const asGraph = page !== "README.md" && findLibrary() !== undefined && !words.includes("--engine");
  const table = {
    train: [
      ...["--evaluate-every", "0", "--threads", "1"],
      ...(asGraph ? ["--lowering", "graph"] : []),
      ...(words.includes("moby-dick") ? ["--data-set", "testFraction=0.02"] : []),
    ],
    evaluate: ["--limit", "500", "--threads", "1"],
    score: ["--limit", "500"],
    map: ["--limit", "500"],
    compare: ["--threads", "1", "--engine", "onnx"],
  };
  return table[verb] ?? [];
}

async function runCommands(text, cwd, page) {
  const lines = text.replaceAll("\\\n", " ").split("\n");
  const commands = lines.map((line) => line.replace(/(^|\s)#.*/, "").trim()).filter((line) => line !== "");
  for (const command of commands) {
    const words = command
      .match(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)
      .map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
    const [program, first, ...rest] = words;
    if (program !== "npx" || first !== "latentkit") checkCommand(command, words);
    else await node([cli, rest[0], ...quickOptions(rest[0], rest, page), ...rest.slice(1)], cwd);
  }
}

/** What is not run must at least name what exists. */
function checkCommand(command, [program, verb, ...rest]) {
  const names = rest.filter((word) => !word.startsWith("-"));
  const known = {
    install: (name) => existsSync(join(project, "node_modules", name)),
    run: (name) => name in manifest.scripts,
    test: () => true,
  }[verb];
  if (program === "npm" && known !== undefined && names.every(known)) return;
  if (program === "node" && existsSync(join(root, verb))) return;
  throw new Error(`\`${command}\` is neither a latentkit command nor one whose names are known here`);
}

beforeAll(install);
afterAll(() => rmSync(project, { recursive: true, force: true }));

describe.concurrent("documentation", () => {
  it.each(pages)("%s", { timeout: 600_000 }, async (page) => {
    const blocks = blocksOf(page).filter((block) => block.language in LANGUAGES || block.file !== undefined);
    mkdirSync(join(project, page.replace(/\.md$/, "")), { recursive: true });
    for (const block of blocks.filter(({ reason }) => reason === undefined)) {
      try {
        await runBlock(block);
      } catch (error) {
        throw new Error(`${page}:${block.line}: ${error.message}`);
      }
    }
  });

  it("has types that fit", { timeout: 120_000 }, () => {
    const blocks = pages.flatMap(blocksOf).filter(({ language, reason }) => LANGUAGES[language] === ".ts" && !reason);
    for (const block of blocks) mkdirSync(dirname(fileOf(block)), { recursive: true });
    for (const block of blocks) writeFileSync(fileOf(block), withNumbers(block));
    const found = typeErrors(blocks.map(fileOf)).map(({ file, line, message }) => {
      const block = blocks.find((one) => fileOf(one) === file);
      return `${block?.page}:${(block?.line ?? 0) + line + 1}: ${message}`;
    });
    expect(found).toEqual([]);
    expect(blocks.length).toBeGreaterThan(5);
  });
});
