#!/usr/bin/env node
/**
 * Pictures a second: a conditional U-Net (32-32-64, attention, 28x28) sampled by DPM-Solver++(2M) on one or more engines, side by side with PyTorch (channels last;
 * eager and torch.compile, of which the faster counts). Each contender is a process of its own; they sample in turn. Ours goes through the session, which keeps the
 * programs of a request for the next one like it: both sides are compiled by a call that does not count. Prints a table and, last, one line of JSON.
 *
 *     LATENTKIT_PYTHON=.cache/python/bin/python node tools/bench/sampling.mjs [--engine onnx] [--engine tensorflow] [--precision float32]
 *         [--batch 256] [--steps 20] [--calls 4] [--rounds 7] [--threads 2]
 *
 * First all draw the same pictures from the same noise; where float32 sides differ by more than 0.01 of the range the exit code is 1.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Contender } from "./lines.mjs";
import { torchPython } from "./python.mjs";
import { printTable, spread } from "./steps-report.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
/** Of values in [0, 1], after all steps: differences of float32 sums grow on the way. */
const TOLERANCE = 0.01;

const { values } = parseArgs({
  options: {
    engine: { type: "string", multiple: true, default: ["tensorflow"] },
    precision: { type: "string", default: "float32" },
    batch: { type: "string", default: "256" },
    steps: { type: "string", default: "20" },
    calls: { type: "string", default: "4" },
    rounds: { type: "string", default: "7" },
    threads: { type: "string", default: "2" },
  },
});
const [batch, steps, calls, rounds, threads] = ["batch", "steps", "calls", "rounds", "threads"].map((name) =>
  Number(values[name]),
);

/** Starts all, one after the other. */
async function startAll(started) {
  for (const engine of values.engine) {
    const precision = engine === "tensorflow" ? { precision: values.precision } : {};
    const options = JSON.stringify({ engine, threads, ...precision });
    started.set(
      engine,
      new Contender([process.execPath, file("sampling-ours.mjs"), options, JSON.stringify({ batch, steps })]),
    );
    await started.get(engine).answer();
  }
  const python = torchPython();
  const env = { OMP_NUM_THREADS: String(threads), TORCHINDUCTOR_COMPILE_THREADS: "1" }; // no idle compile workers
  for (const mode of python === undefined ? [] : ["eager", "compile"]) {
    const command = [python, file("sampling_torch.py"), mode, String(threads), String(batch), String(steps)];
    started.set(`torch ${mode}`, new Contender(command, env));
    await started.get(`torch ${mode}`).answer();
  }
}

/** By engine: the largest difference between its pictures and those of eager PyTorch from the same noise. */
async function compare(started) {
  const torch = started.get("torch eager");
  if (torch === undefined) return {};
  const folder = mkdtempSync(join(tmpdir(), "latentkit-bench-"));
  const path = join(folder, "check.safetensors");
  const differences = {};
  for (const engine of values.engine) {
    await started.get(engine).ask({ do: "check", file: path });
    differences[engine] = (await torch.ask({ do: "check", file: path })).difference;
  }
  rmSync(folder, { recursive: true });
  return differences;
}

/** Images a second of every round, by contender; every round begins with another. */
async function alternate(started) {
  const all = [...started];
  const rates = Object.fromEntries(all.map(([name]) => [name, []]));
  for (const [, contender] of all) await contender.ask({ do: "run", calls: 1 }); // warm caches and clocks
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      const [name, contender] = all[(round + i) % all.length];
      const { images, seconds } = await contender.ask({ do: "run", calls });
      rates[name].push(images / seconds);
    }
  }
  return rates;
}

const range = ({ median, min, max }, digits) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;

async function main() {
  const started = new Map();
  try {
    await startAll(started);
    const differences = await compare(started);
    const rates = await alternate(started);
    const torch = Object.keys(rates).filter((name) => name.startsWith("torch"));
    const [faster] = torch.sort((a, b) => spread(rates[b]).median - spread(rates[a]).median);
    const ratios = Object.fromEntries(
      values.engine.map((engine) => [
        engine,
        faster === undefined ? undefined : spread(rates[engine].map((rate, i) => rate / rates[faster][i])),
      ]),
    );
    const row = ([name, list]) => [
      name,
      range(spread(list), 1),
      ratios[name] === undefined ? "" : range(ratios[name], 2),
      differences[name] === undefined ? "" : differences[name].toExponential(1),
    ];
    const headings = ["contender", "images/s", faster === undefined ? "" : `over ${faster}`, "pictures differ by"];
    printTable([headings, ...Object.entries(rates).map(row)]);
    console.log(
      JSON.stringify({
        batch,
        steps,
        calls,
        rounds,
        threads,
        precision: values.precision,
        faster,
        ratios,
        differences,
        rates,
      }),
    );
    if (values.precision === "float32" && Object.values(differences).some((gap) => !(gap <= TOLERANCE)))
      process.exitCode = 1;
  } finally {
    for (const contender of started.values()) contender.close();
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
