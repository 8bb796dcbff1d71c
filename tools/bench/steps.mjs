#!/usr/bin/env node
/**
 * Six training steps (forward, backward, update; core's own `trainStep` with its guard) on one or more engines, side by side with PyTorch:
 * eager with a fused optimizer and torch.compile, of which the faster counts. Every model of every contender lives in a process of its own;
 * they train in turn, one block of seconds after the other, so that all meet the same machine. Prints a table and, last, one line of JSON.
 *
 *     LATENTKIT_PYTHON=.cache/python/bin/python node tools/bench/steps.mjs [--engine onnx] [--engine tensorflow] [--models vae,unet]
 *         [--rounds 10] [--seconds 2] [--threads 2] [--precision float32|bf16] [--lowering NAME] [--losses N]
 *
 * LATENTKIT_PYTHON names a Python with torch (`node tools/bench/python.mjs` prepares one and prints its path); without it only ours run.
 * LATENTKIT_TFJS_NODE names a folder in which eager @tensorflow/tfjs-node can be required (`node tools/bench/tfjs-node.mjs` prepares one).
 * `--precision` and `--lowering` are handed to the tensorflow engine; both may be given several times. `--losses N` also prints the
 * losses of the first N steps, which all engines take from the same parameters with the same noise.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Contender } from "./lines.mjs";
import { STEPS } from "./models/index.mjs";
import { torchPython } from "./python.mjs";
import { formatRow, HEADINGS, printTable, summary } from "./steps-report.mjs";

const file = (name) => fileURLToPath(new URL(name, import.meta.url));
const CHECKED_STEPS = 3;
/** Relative difference of losses in float32 beyond which two sides do not compute the same. */
const TOLERANCE = 1e-3;
const ENGINES = ["onnx", "tensorflow"];
/** Models that `tfjs-node-eager.mjs` has. */
const EAGER = ["vae", "gpt-small"];

function readOptions() {
  const list = { type: "string", multiple: true };
  const { values } = parseArgs({
    options: {
      engine: { ...list, default: ["onnx"] },
      models: { ...list, default: Object.keys(STEPS) },
      precision: { ...list, default: ["float32"] },
      lowering: { ...list, default: ["auto"] },
      rounds: { type: "string", default: "10" },
      seconds: { type: "string", default: "2" },
      threads: { type: "string", default: "2" },
      losses: { type: "string", default: "0" },
    },
  });
  const split = (names) => names.flatMap((text) => text.split(","));
  const number = (name, least) => {
    const value = Number(values[name]);
    if (value >= least) return value;
    throw new Error(`--${name} must be a number from ${least} on, got ${values[name]}`);
  };
  const models = split(values.models);
  const unknown = models.find((name) => !(name in STEPS));
  if (unknown !== undefined) throw new Error(`--models must be of ${Object.keys(STEPS).join(", ")}, got ${unknown}`);
  return {
    models,
    settings: engineSettings(
      split(values.engine),
      split(values.precision),
      split(values.lowering),
      number("threads", 1),
    ),
    threads: number("threads", 1),
    rounds: number("rounds", 1),
    seconds: number("seconds", 0),
    losses: number("losses", 0),
  };
}

/** Every engine with every precision and lowering it can be asked for, by the name of its rows. */
function engineSettings(engines, precisions, lowerings, threads) {
  const settings = new Map();
  for (const engine of engines) {
    if (!ENGINES.includes(engine)) throw new Error(`--engine must be ${ENGINES.join(" or ")}, got ${engine}`);
    if (engine !== "tensorflow") settings.set(engine, { engine, threads });
    else
      for (const precision of precisions)
        for (const lowering of lowerings) {
          const name = [engine, precision, lowering].filter((part) => part !== "float32" && part !== "auto").join(" ");
          const chosen = lowering === "auto" ? {} : { lowering };
          settings.set(name, { engine, threads, precision, ...chosen });
        }
  }
  return settings;
}

/** Starts a process and waits until it has taken its first step, so that none disturbs another's start. */
async function start(command, env) {
  const contender = new Contender(command, env);
  return { contender, ready: await contender.answer(), blocks: [] };
}

/** Starts all contenders of one model, by name, into `started`. */
async function startAll(started, name, { settings, threads }) {
  for (const [label, options] of settings) {
    const command = [process.execPath, file("steps-ours.mjs"), name, JSON.stringify(options)];
    started.set(label, await start(command));
  }
  const python = torchPython();
  const torchEnv = { OMP_NUM_THREADS: String(threads), TORCHINDUCTOR_COMPILE_THREADS: "1" }; // no idle compile workers
  for (const mode of python === undefined ? [] : ["eager", "compile"]) {
    const command = [python, file("steps_torch.py"), name, mode, String(threads)];
    started.set(`torch ${mode}`, await start(command, torchEnv));
  }
  const folder = process.env.LATENTKIT_TFJS_NODE;
  if (folder && EAGER.includes(name)) {
    const command = [process.execPath, file("tfjs-node-eager.mjs"), folder, name];
    const env = { OMP_NUM_THREADS: String(threads), TF_NUM_INTRAOP_THREADS: String(threads) };
    started.set("tfjs-node", await start(command, env));
  }
}

/** Losses of the same first steps on every engine and in PyTorch; the largest relative difference to the first engine's. */
async function compare(started, steps) {
  const folder = mkdtempSync(join(tmpdir(), "latentkit-bench-"));
  const path = join(folder, "check.safetensors");
  const losses = {};
  for (const [label, { contender }] of started) {
    if (label === "torch compile" || label === "tfjs-node") continue;
    losses[label] = (await contender.ask({ do: "check", file: path, steps })).losses;
  }
  rmSync(folder, { recursive: true });
  const [[, first]] = Object.entries(losses);
  const difference = (list) =>
    list.flatMap((step, i) =>
      Object.keys(step).map((name) => Math.abs((step[name] - first[i][name]) / first[i][name])),
    );
  const largest = (labels) => Math.max(0, ...labels.flatMap((label) => difference(losses[label])));
  const labels = Object.keys(losses);
  return {
    losses,
    largestDifference: largest(labels),
    float32Difference: largest(labels.filter((label) => !label.includes("bf16"))),
  };
}

/** Blocks in turn; every round begins with another contender. */
async function alternate(started, rounds, seconds) {
  const all = [...started.values()];
  for (const { contender } of all) await contender.ask({ do: "run", seconds: Math.min(1, seconds) }); // warm caches and clocks
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < all.length; i++) {
      const one = all[(round + i) % all.length];
      one.blocks.push(await one.contender.ask({ do: "run", seconds }));
    }
  }
}

async function measure(name, options) {
  const started = new Map();
  try {
    await startAll(started, name, options);
    const counts = [...started.values()].map(({ ready }) => ready.parameters);
    if (new Set(counts).size > 1) throw new Error(`${name}: numbers of parameters differ: ${counts.join(", ")}`);
    const check = await compare(started, CHECKED_STEPS);
    const curves = {};
    if (options.losses > 0) {
      for (const label of options.settings.keys())
        curves[label] = (await started.get(label).contender.ask({ do: "losses", steps: options.losses })).losses;
    }
    await alternate(started, options.rounds, options.seconds);
    return {
      ...summary(name, started, [...options.settings.keys()]),
      check,
      ...(options.losses > 0 ? { curves } : {}),
    };
  } finally {
    for (const { contender } of started.values()) contender.close();
  }
}

/** Measures all models; the exit code is 1 when losses of the same steps differ. */
async function main() {
  const options = readOptions();
  const results = [];
  for (const name of options.models) {
    const result = await measure(name, options);
    results.push(result);
    const { parameters, check } = result;
    const beside = Object.keys(check.losses).length - 1;
    const agreement = `losses of the first ${CHECKED_STEPS} steps differ by ${check.largestDifference.toExponential(1)} of themselves at most`;
    console.error(`${name}: ${parameters} parameters${beside === 0 ? "" : `, ${agreement}`}`);
    for (const row of formatRow(result)) console.error(`  ${row.filter((cell) => cell !== "").join("  ")}`); // the table comes last
    if (check.float32Difference > TOLERANCE) process.exitCode = 1;
  }
  printTable([HEADINGS, ...results.flatMap(formatRow)]);
  const { rounds, seconds, threads } = options;
  console.log(JSON.stringify({ rounds, seconds, threads, results }));
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
