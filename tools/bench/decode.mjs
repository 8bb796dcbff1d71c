#!/usr/bin/env node
/**
 * Decoding with the cache, ours and PyTorch's in turn (eager and torch.compile, of which the faster counts), random weights:
 *
 * - the 0.8 M model of nanoGPT's settings for a CPU, one stream and 64: 63 characters behind one;
 * - GPT-2 with 124 M parameters, one stream: 128 tokens behind 16, beside the seconds that reading every weight and the cache once a token takes
 *   at the bandwidth measured in the same rounds.
 *
 * Whole calls are timed, reading the prompt and drawing included. Prints a table and, last, one line of JSON.
 *
 *     LATENTKIT_PYTHON=… node tools/bench/decode.mjs [--engine tensorflow] [--cases one,many,gpt2] [--rounds 5] [--torch eager,compile] [--threads 2]
 *
 * Without LATENTKIT_PYTHON (see python.mjs) only ours runs.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { openBandwidth } from "./bandwidth.mjs";
import { openDecoding } from "./decoding.mjs";
import { engineOf } from "./flow-options.mjs";
import { Contender } from "./lines.mjs";
import { torchPython } from "./python.mjs";
import { spread } from "./steps-report.mjs";

const NANO = { preset: "nano", bias: false, vocabulary: 83, blockSize: 64 };
const GPT2 = { preset: "gpt2", bias: true, vocabulary: 50257, blockSize: 1024 };

/** `tokensPerSecond`, `ofBandwidth`: the least that is wanted; PyTorch is to be slower in the last case. */
const CASES = {
  one: { model: NANO, streams: 1, prompt: 1, tokens: 63, calls: 16, target: { tokensPerSecond: 1500 } },
  many: { model: NANO, streams: 64, prompt: 1, tokens: 63, calls: 4, target: { tokensPerSecond: 15_000 } },
  gpt2: { model: GPT2, streams: 1, prompt: 16, tokens: 128, calls: 1, target: { ofBandwidth: 0.6, torch: 1 } },
};

const { values } = parseArgs({
  options: {
    engine: { type: "string", default: "tensorflow" },
    cases: { type: "string", default: Object.keys(CASES).join(",") },
    rounds: { type: "string", default: "5" },
    torch: { type: "string", default: "eager,compile" },
    threads: { type: "string", default: "2" },
  },
});
const threads = Number(values.threads);

/** PyTorch's processes of a case by mode, warmed up; none without a Python. */
async function startTorch({ model, streams, prompt, tokens }, architecture) {
  const python = torchPython();
  if (python === undefined) return new Map();
  const script = fileURLToPath(new URL("./decode_torch.py", import.meta.url));
  const { nLayer: layers, nHead: heads, nEmbd: width } = architecture;
  const sizes = { layers, heads, width, block: model.blockSize, symbols: model.vocabulary, bias: model.bias };
  const env = { OMP_NUM_THREADS: String(threads), TORCHINDUCTOR_COMPILE_THREADS: "1" };
  const started = new Map();
  for (const mode of values.torch.split(",").filter(Boolean)) {
    const contender = new Contender([python, script, JSON.stringify(sizes), mode, String(threads)], env);
    await contender.answer();
    const run = async () => (await contender.ask({ do: "run", streams, prompt, tokens })).seconds;
    await run();
    started.set(`torch ${mode}`, { run, close: () => contender.close() });
  }
  return started;
}

/** Bytes that a step must read: the weights but for the positions, of which it reads one, and half of the cache on average. */
function bytesPerStep({ model, prompt, tokens }, { parameters, architecture: { nLayer, nEmbd } }) {
  const weights = parameters - model.blockSize * nEmbd;
  const cache = 2 * nLayer * nEmbd * (prompt + tokens / 2);
  return 4 * (weights + cache);
}

async function measure(name, engine) {
  const one = CASES[name];
  const decoding = await openDecoding(engine, one.model);
  const torch = await startTorch(one, decoding.architecture);
  const bandwidth = name === "gpt2" ? await openBandwidth(threads) : undefined;
  const contenders = new Map([["latentkit", { run: () => decoding.run(one) }], ...torch]);
  try {
    await decoding.run(one); // compiles
    const seconds = new Map([...contenders.keys()].map((label) => [label, []]));
    const bandwidths = [];
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [label, { run }] of contenders) {
        for (let call = 0; call < one.calls; call++) seconds.get(label).push(await run());
        if (bandwidth !== undefined) bandwidths.push(await bandwidth.measure());
      }
    }
    return report(name, one, decoding, seconds, bandwidths);
  } finally {
    for (const { close } of torch.values()) close();
    await bandwidth?.close();
    await decoding.close();
  }
}

/** Tokens a second of every contender: the best call, and the median. */
function report(name, one, decoding, seconds, bandwidths) {
  const { streams, tokens, target } = one;
  const speeds = Object.fromEntries(
    [...seconds].map(([label, list]) => {
      const { median, min } = spread(list);
      return [label, { best: Math.round((streams * tokens) / min), median: Math.round((streams * tokens) / median) }];
    }),
  );
  const peers = Object.keys(speeds).filter((label) => label.startsWith("torch"));
  const faster = peers.sort((a, b) => speeds[b].best - speeds[a].best)[0];
  const timesTorch = faster === undefined ? {} : { faster, timesTorch: speeds.latentkit.best / speeds[faster].best };
  const limit = bandwidths.length === 0 ? {} : limits(one, decoding, Math.max(...bandwidths), speeds.latentkit.best);
  const { parameters } = decoding;
  const reached = {
    ...(target.tokensPerSecond && { tokensPerSecond: speeds.latentkit.best >= target.tokensPerSecond }),
    ...(target.ofBandwidth && { ofBandwidth: limit.ofBandwidth >= target.ofBandwidth }),
    ...(target.torch && timesTorch.timesTorch && { torch: timesTorch.timesTorch > target.torch }),
  };
  return { name, parameters, streams, tokens, tokensPerSecond: speeds, ...timesTorch, ...limit, target, reached };
}

function limits(one, decoding, bytesPerSecond, speed) {
  const bound = (one.streams * bytesPerSecond) / bytesPerStep(one, decoding);
  return { gigabytesPerSecond: bytesPerSecond / 1e9, bound, ofBandwidth: speed / bound };
}

function print({
  name,
  parameters,
  streams,
  tokensPerSecond,
  faster,
  timesTorch,
  gigabytesPerSecond,
  bound,
  ofBandwidth,
}) {
  console.log(`${name}: ${(parameters / 1e6).toFixed(1)} M parameters, ${streams} stream${streams === 1 ? "" : "s"}`);
  for (const [label, { best, median }] of Object.entries(tokensPerSecond))
    console.log(`  ${label.padEnd(14)} ${String(best).padStart(6)} tokens/s, median ${median}`);
  if (faster !== undefined) console.log(`  ${timesTorch.toFixed(2)} times ${faster}`);
  if (bound !== undefined)
    console.log(
      `  memory is read at ${gigabytesPerSecond.toFixed(1)} GB/s: at most ${bound.toFixed(1)} tokens/s, reached ${ofBandwidth.toFixed(2)} of it`,
    );
}

const results = [];
for (const name of values.cases.split(",")) {
  const engine = await engineOf(values.engine, { threads });
  results.push(await measure(name, engine));
  print(results.at(-1));
  await engine.dispose();
}
console.log(JSON.stringify({ engine: values.engine, threads, rounds: Number(values.rounds), results }));
