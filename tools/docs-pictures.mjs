#!/usr/bin/env node
/**
 * Makes the pictures of the documentation, `docs/images`, by the commands that its pages show: `npm run docs:pictures`.
 * Expects a built checkout; trains for some minutes into runs/docs, and takes what is trained there already. The comparison of families takes an hour
 * on a machine with nothing else to do: its pictures are made when they are named, or when it is there.
 *
 *     node tools/docs-pictures.mjs [NAME …]      only these pictures
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { main, root } from "./bootstrap.mjs";

const cli = join(root, "packages/cli/bin/latentkit.js");
const images = join(root, "docs/images");
const work = join(root, "runs/docs");

const FAMILIES = ["vae", "gan", "ar-transformer", "flow", "diffusion"];

/** Arguments of `latentkit` by run. */
const RUNS = {
  families: `compare --data mnist --budget 10m --models ${FAMILIES}`,
  digits: "train vae --data mnist --steps 1500",
  plane: "train vae --data mnist --steps 1500 --set latentDim=2",
  moons: "train flow --data moons --steps 400 --set layers=6 --set width=64 --batch-size 256",
};

/** Pictures that a benchmark draws of a run of its own, which takes half an hour to train; made only when named. */
const BENCHES = {
  "by-class.png": ["classes", "tools/bench/diffusion-mnist.mjs --precision bf16 --samples 0 --inpaint 10"], // and by-class-inpainted.png
};

/** What makes each picture: a run and a command on it, or a file that training leaves. */
const PICTURES = {
  "digits.png": ["digits", "sample RUN -n 64 --out OUT"],
  "ways.png": ["digits", "interpolate RUN --pairs 4 --steps 12 --out OUT"],
  "map.svg": ["plane", "map RUN --out OUT"],
  "moons-density.png": ["moons", "figures/density.png"],
  ...Object.fromEntries(FAMILIES.map((name) => [`family-${name}.png`, ["families", `figures/${name}-samples.png`]])),
};

/** Runs that take too long to be made unasked. */
const ON_REQUEST = ["families"];

/** Numbers that the pages quote, printed. */
const NUMBERS = [
  ["digits", "evaluate RUN --metrics elbo,linearProbe"],
  ["moons", "score RUN --against spirals:test --limit 5000 --out scores.npz"],
];

/** Runs one command line in the folder of runs. */
function latentkit(line) {
  process.stdout.write(`latentkit ${line}\n`);
  const { status } = spawnSync(process.execPath, [cli, ...line.split(" ")], { cwd: work, stdio: "inherit" });
  if (status !== 0) throw new Error(`latentkit ${line} ended with ${status}`);
}

/** Draws a picture of {@link BENCHES}, by the benchmark's run or a new one. */
function bench(name) {
  const [run, command] = BENCHES[name];
  const folder = join(work, run);
  const args = [...command.split(" "), existsSync(folder) ? "--run" : "--out", folder, "--png", join(images, name)];
  process.stdout.write(`node ${args.join(" ")}\n`);
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) throw new Error(`${command} ended with ${status}`);
}

const isTrained = (run) => existsSync(join(work, run, "report.html"));

function train(run) {
  if (!isTrained(run)) latentkit(`${RUNS[run]} --out ${run} --overwrite`);
}

await main(() => {
  const wanted = process.argv.slice(2);
  mkdirSync(work, { recursive: true });
  mkdirSync(images, { recursive: true });
  for (const [name, [run, how]] of Object.entries(PICTURES)) {
    if (wanted.length > 0 ? !wanted.includes(name) : ON_REQUEST.includes(run) && !isTrained(run)) continue;
    train(run);
    const out = join(images, name);
    if (how.includes("RUN")) latentkit(how.replace("RUN", run).replace("OUT", out));
    else copyFileSync(join(work, run, how), out);
  }
  for (const name of wanted.filter((one) => one in BENCHES)) bench(name);
  for (const [run, how] of wanted.length > 0 ? [] : NUMBERS) latentkit(how.replace("RUN", run));
});
