#!/usr/bin/env node
/**
 * A run killed with SIGKILL at random moments and resumed, ten times over, must end with the same bytes in every checkpoint file as the run nobody killed.
 *
 *     node tools/bench/kill-resume.mjs [--kills 10] [--steps 3000] [--checkpoint-every 50] [--family vae] [--data mnist] [-- --set preset=sngan-hinge …]
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: "string", default: "10" },
    steps: { type: "string", default: "3000" },
    "checkpoint-every": { type: "string", default: "50" },
    family: { type: "string", default: "vae" },
    data: { type: "string", default: "mnist" },
  },
});
const kills = Number(values.kills);
const cli = fileURLToPath(new URL("../../packages/cli/bin/latentkit.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "latentkit-kill-"));
const options = [
  ...[values.family, "--data", values.data, "--steps", values.steps, "--seed", "3"],
  ...["--checkpoint-every", values["checkpoint-every"], ...positionals],
];

/** Runs the command line; kills it after `ms` when given. Resolves to the exit code, or the signal. */
function latentkit(args, ms) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [cli, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    let errors = "";
    child.stderr.on("data", (text) => {
      errors = (errors + text).slice(-2000);
    });
    const timer = ms === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), ms);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      if (code !== 0 && signal === null) console.error(errors);
      resolve(signal ?? code);
    });
  });
}

/** sha256 of every file of the last checkpoint. */
function fingerprint(run) {
  const checkpoints = join(run, "checkpoints");
  const last = readdirSync(checkpoints)
    .filter((name) => /^\d+$/.test(name))
    .sort()
    .at(-1);
  const files = readdirSync(join(checkpoints, last))
    .filter((name) => name.endsWith(".safetensors"))
    .sort();
  const hash = (name) =>
    createHash("sha256")
      .update(readFileSync(join(checkpoints, last, name)))
      .digest("hex");
  return Object.fromEntries([["step", last], ...files.map((name) => [name, hash(name)])]);
}

const whole = join(folder, "whole");
const started = Date.now();
console.log(`undisturbed run: exit ${await latentkit(["train", ...options, "--out", whole])}`);
const duration = Date.now() - started;

const killed = join(folder, "killed");
let done = 0;
let attempts = 0;
while (done < kills) {
  const resumable =
    existsSync(join(killed, "checkpoints")) &&
    readdirSync(join(killed, "checkpoints")).some((name) => /^\d+$/.test(name));
  const args = resumable ? ["train", "--resume", killed] : ["train", ...options, "--out", killed, "--overwrite"];
  const outcome = await latentkit(args, 1500 + Math.random() * (duration / kills));
  attempts++;
  if (outcome === "SIGKILL") done++;
  else if (outcome === 0) break;
  else throw new Error(`resuming ended with ${outcome}`);
}
console.log(`killed ${done} times in ${attempts} runs`);
console.log(`last resume: exit ${await latentkit(["train", "--resume", killed])}`);
const [a, b] = [fingerprint(whole), fingerprint(killed)];
const same = JSON.stringify(a) === JSON.stringify(b);
console.log(
  same
    ? `the same bytes: ${JSON.stringify(a, null, 1)}`
    : `DIFFERENT\n${JSON.stringify(a, null, 1)}\n${JSON.stringify(b, null, 1)}`,
);
rmSync(folder, { recursive: true, force: true });
process.exitCode = same && done === kills ? 0 : 1;
