/**
 * What `docs/adding-a-model.md` promises, done as a stranger would: the page's model as a package of its own, packed and installed in a new project
 * beside packed tarballs of ours, is found by the command line and trains.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { environment, root } from "./bootstrap.mjs";
import { packAll } from "./pack.mjs";

const folder = mkdtempSync(join(tmpdir(), "latentkit-third-party-"));
const project = join(folder, "project");
const page = readFileSync(join(root, "docs", "adding-a-model.md"), "utf8");

/** The page's code blocks of a language, in order. */
const blocks = (language) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map((match) => match[1]);

function run(command, args, cwd) {
  const result = spawnSync(command, args, { cwd, env: environment({ NO_COLOR: "1" }), encoding: "utf8" });
  if (result.status !== 0)
    throw new Error(`${command} ${args.join(" ")} ended with ${result.status}:\n${result.stdout}\n${result.stderr}`);
  return result.stdout;
}

beforeAll(() => {
  const plugin = join(folder, "plugin");
  mkdirSync(plugin);
  mkdirSync(project);
  writeFileSync(join(plugin, "plugin.js"), blocks("js")[0]);
  writeFileSync(join(plugin, "package.json"), blocks("json")[0]);
  const packed = JSON.parse(run("npm", ["pack", "--json", "--pack-destination", folder], plugin))[0].filename;
  const ours = Object.values(packAll(join(folder, "tarballs")));
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "strangers-project", private: true }));
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"];
  run("npm", ["install", ...flags, ...ours, join(folder, packed)], project);
}, 300_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("a model package of somebody else", () => {
  const latentkit = (...args) =>
    run(
      process.execPath,
      [join(project, "node_modules", "@latentkit", "cli", "bin", "latentkit.js"), ...args],
      project,
    );

  it("is found by the command line", () => {
    expect(latentkit("list")).toMatch(/gaussian\s.*one normal distribution/);
  });

  it("trains, samples and is evaluated", () => {
    latentkit("train", "gaussian", "--data", "8gaussians", "--out", "runs/first", "--steps", "60", "--set", "sigma=3");
    expect(existsSync(join(project, "runs", "first", "report.html"))).toBe(true);
    latentkit("sample", "runs/first", "-n", "5", "--out", "points.csv");
    expect(readFileSync(join(project, "points.csv"), "utf8").trim().split("\n").length).toBeGreaterThanOrEqual(5);
    const lines = latentkit("evaluate", "runs/first", "--json").trim().split("\n");
    const { metrics } = JSON.parse(lines.at(-1));
    expect(metrics.logProb.unit).toBe("nats");
    expect(metrics.logProb.value).toBeGreaterThan(-5);
    expect(metrics.logProb.n).toBe(10_000);
  }, 120_000);
});
