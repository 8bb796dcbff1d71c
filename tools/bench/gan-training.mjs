import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { train } from "@latentkit/core";
import { bytesOf, drawData } from "@latentkit/core/node";
import { gan } from "@latentkit/gan";
import { engineOf } from "./flow-options.mjs";

/*
 * What the benchmarks of GANs share. Time is that of the processor, of all threads together: 30 CPU minutes are 15 minutes of two cores, whatever else the
 * machine does meanwhile.
 */

/**
 * The command line of a benchmark.
 *
 * @param defaults Of `seeds` ("0,1,2"), `cpuMinutes`, `samples`, and of options of its own, all strings.
 */
export function ganArguments(defaults) {
  const all = {
    seeds: "0",
    cpuMinutes: "30",
    model: "{}",
    train: "{}",
    engine: "onnx",
    threads: "",
    png: "",
    ...defaults,
  };
  const dashed = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const options = Object.fromEntries(
    Object.entries(all).map(([name, value]) => [dashed(name), { type: "string", default: value }]),
  );
  const { values } = parseArgs({ options });
  return Object.fromEntries(Object.keys(all).map((name) => [name, values[dashed(name)]]));
}

const cpuSeconds = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1e6;
};

/**
 * Trains a GAN once for every seed, until its steps or so many CPU minutes are over, and hands each run to `grade`.
 *
 * @param settings What {@link ganArguments} gives. @param extractors Classifiers that grade samples.
 * @param grade Prints what came out: `(run, { seed, cpu })`, CPU seconds of training with compilation.
 */
export async function trainGans(settings, { data, extractors = [] }, grade) {
  const limit = 60 * Number(settings.cpuMinutes);
  for (const seed of settings.seeds.split(",").map(Number)) {
    const engine = await engineOf(settings.engine, settings.threads ? { threads: Number(settings.threads) } : {});
    const stop = new AbortController();
    const before = process.cpuUsage();
    const run = await train({
      model: gan(JSON.parse(settings.model)),
      data,
      engine,
      seed,
      checkpointEvery: 0,
      extractors,
      signal: stop.signal,
      onProgress: ({ step, steps }) => {
        const cpu = cpuSeconds(before);
        if (step % Math.ceil(steps / 10) === 0) console.error(`step ${step} of ${steps}, ${cpu.toFixed(0)} CPU s`);
        if (cpu > limit) stop.abort();
      },
      onWarning: (warning) => console.log(`  ${warning}`),
      ...JSON.parse(settings.train),
    });
    await grade(run, { seed, cpu: cpuSeconds(before) });
    if (settings.png) await savePicture(run, settings.png.replace(/(\.png)?$/, `-${seed}.png`));
    await engine.dispose();
  }
}

/** `2400 steps of 64 (2.6 epochs) in 112 s, 203 CPU s`. */
export function lengthOf({ result, config, dataset }, cpu) {
  const epochs = (result.step * config.batchSize) / dataset.splits.train.size;
  const wall = `${result.trainSeconds.toFixed(0)} s, ${cpu.toFixed(0)} CPU s`;
  return `${result.step} steps of ${config.batchSize} (${epochs.toFixed(1)} epochs) in ${wall}`;
}

/** One line a number: value, standard error, unit, examples, and the same of real data. */
export function printResults(results) {
  for (const [name, { value, stderr, n, unit, realVsReal }] of Object.entries(results)) {
    const error = Number.isFinite(stderr) ? ` ± ${stderr.toPrecision(2)}` : "";
    const real = realVsReal ? `, real data ${realVsReal.value.toPrecision(4)}` : "";
    console.log(`  ${name.padEnd(24)} ${value.toPrecision(4)}${error} ${unit} (n ${n}${real})`);
  }
}

async function savePicture(run, file) {
  const drawing = await drawData(await run.sample({ n: 100, seed: 1 }), run.dataset);
  writeFileSync(file, bytesOf(drawing));
}
