#!/usr/bin/env node
/**
 * One training step of the VAE 784-400-20 (batch 128, Adam) on an engine, side by side with PyTorch's eager fused Adam and torch.compile:
 * blocks of steps in turn, so that all meet the same machine. Prints medians, spreads, ratios, and what happens outside the engine's call.
 *
 *     node tools/bench/vae-step.mjs [--rounds 15] [--steps 100]
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  activeObjectives,
  batchSpecs,
  createModel,
  hostKey,
  hostTensor,
  initialState,
  modelSpecs,
  parseOptions,
  philoxUniform,
  trainConfigSchema,
  trainStateSpecs,
  trainStep,
} from "@latentkit/core";
import { onnx } from "@latentkit/engine-onnx";
import { compile } from "@latentkit/jit";
import { vae } from "@latentkit/vae";
import { torchPython } from "./python.mjs";

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "15" }, steps: { type: "string", default: "100" } },
});
const rounds = Number(values.rounds);
const steps = Number(values.steps);
const BATCH = 128;

/** Binarised pictures that do not change, as in the PyTorch step. */
const x = hostTensor(philoxUniform(hostKey(0), BATCH * 784).map(Math.round), [BATCH, 784]);
const split = { size: BATCH, fields: { x: { shape: [784], dtype: "float32" } }, gather: () => ({ x }) };
const dataset = {
  name: "bits",
  datum: { kind: "binary", shape: [784], range: [0, 1] },
  splits: { train: split, test: split },
};

async function prepare() {
  const engine = onnx();
  const model = createModel(vae({ latentDim: 20 }), dataset);
  const specs = modelSpecs(model, split, BATCH);
  const config = { ...parseOptions("bench", trainConfigSchema, { emaDecay: 0 }), steps: 1 };
  const store = engine.createStore();
  const batch = batchSpecs(split, BATCH);
  const init = await compile(engine, initialState(model, config), { state: {}, inputs: { batch } }, store);
  await init.run({ batch: { x } }, hostKey(0));
  const inputs = { batch, step: { shape: [], dtype: "int32" } };
  const program = await compile(
    engine,
    trainStep(model, activeObjectives(model, 0), config),
    { state: trainStateSpecs(model, specs, config), inputs },
    store,
  );
  let t = 0;
  /** As the trainer does: one run queued behind the one that computes. */
  const run = async (n) => {
    let pending;
    let last;
    for (let i = 0; i < n; i++, t++) {
      const next = program.run({ batch: { x }, step: hostTensor([t], [], "int32") }, hostKey(0, "train", t));
      if (pending) last = await pending;
      pending = next;
    }
    last = await pending;
    return last;
  };
  return { engine, program, run };
}

/** A PyTorch process that answers with the seconds of n steps. */
async function torch(mode) {
  const script = fileURLToPath(new URL("./vae_torch.py", import.meta.url));
  const child = spawn(torchPython(), [script, "serve", mode], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async () => JSON.parse((await lines.next()).value);
  await answer();
  return {
    async run(n) {
      child.stdin.write(`run ${n}\n`);
      return (await answer()).seconds;
    },
    close: () => child.stdin.end(),
  };
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const spread = (list) =>
  `${median(list).toFixed(2)} ms (${Math.min(...list).toFixed(2)}-${Math.max(...list).toFixed(2)})`;

const ours = await prepare();
console.log(
  `trace ${ours.program.timing.traceMs.toFixed(0)} ms, compile ${ours.program.timing.compileMs.toFixed(0)} ms, ${ours.program.graph.nodes.length} nodes`,
);
const eager = await torch("eager");
const compiled = await torch("compile");
await ours.run(20);
const times = { ours: [], eager: [], compiled: [], ratio: [], outside: [] };
for (let round = 0; round < rounds; round++) {
  const native = ours.engine.nativeSeconds?.() ?? Number.NaN;
  const started = performance.now();
  await ours.run(steps);
  const wall = (performance.now() - started) / steps;
  const inside = (((ours.engine.nativeSeconds?.() ?? Number.NaN) - native) * 1000) / steps;
  const [e, c] = [((await eager.run(steps)) * 1000) / steps, ((await compiled.run(steps)) * 1000) / steps];
  times.ours.push(wall);
  times.eager.push(e);
  times.compiled.push(c);
  times.ratio.push(wall / Math.min(e, c));
  times.outside.push((wall - inside) / wall);
}
console.log(`latentkit on ${ours.engine.name}   ${spread(times.ours)} a step`);
console.log(`PyTorch eager, fused Adam  ${spread(times.eager)}`);
console.log(`PyTorch compile            ${spread(times.compiled)}`);
console.log(
  `ratio to PyTorch's faster  ${median(times.ratio).toFixed(2)} (${Math.min(...times.ratio).toFixed(2)}-${Math.max(...times.ratio).toFixed(2)})`,
);
console.log(`outside the engine's call  ${(100 * median(times.outside)).toFixed(1)} % of a step`);
eager.close();
compiled.close();
await ours.engine.dispose();
