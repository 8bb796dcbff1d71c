#!/usr/bin/env node
/**
 * The demonstration behind `npm run demo`: trains the VAE of the literature (784-400-20) on all of MNIST with the default engine and leaves
 * samples, reconstructions, interpolations, a latent map, loss curves and report.html in runs/demo. A later demo replaces an earlier one.
 * Expects a built checkout. Further arguments go to `latentkit train`: `npm run demo -- --epochs 1`.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const cli = fileURLToPath(new URL("../packages/cli/bin/latentkit.js", import.meta.url));

/** 12 passes over 60,000 digits: a minute or two of training on two cores, well below three on a busy machine. */
const options = [
  "vae",
  "--data",
  "mnist",
  "--out",
  "runs/demo",
  "--overwrite",
  "--epochs",
  "12",
  "--batch-size",
  "128",
  "--learning-rate",
  "1e-3",
];

const ignore = () => {}; // Ctrl-C reaches the trainer too, which saves first
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, ignore);

const { status } = spawnSync(process.execPath, [cli, "train", ...options, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
if (status === 0)
  process.stdout.write(
    `\nOpen ${pathToFileURL(`${root}runs/demo/report.html`)} in a browser; the pictures are in runs/demo/figures.\n`,
  );
process.exitCode = status ?? 1;
