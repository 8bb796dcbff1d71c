/*
 * A flow learns the waveforms of spoken vowels and says them by name.
 *
 *   node examples/sound.ts [steps]
 *
 * Expected: the training log-density is about 180 nats after 250 steps and 410 after the default 750; it still rises then. vowels.wav plays five vowels,
 * four times each.
 */
import { writeFile } from "node:fs/promises";
import { train } from "@latentkit/core";
import { encodeWav, vowels } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { flow } from "@latentkit/flow";

const steps = Number(process.argv[2] ?? 750);
const engine = onnx();
const run = await train({
  model: flow({ model: "realnvp", conditional: "label", layers: 8, width: 256, logit: 0 }),
  data: vowels({ length: 512 }), // 64 ms at 8000 values a second
  engine,
  steps,
  batchSize: 64,
  optimizer: { learningRate: 5e-4, schedule: "cosine", clipNorm: 100 },
  onProgress: ({ step, metrics }) => {
    if (step % 250 === 0) console.log(`step ${step}: ${metrics.loss?.toFixed(0)} nats`);
  },
});

const label = Array.from({ length: 20 }, (_, i) => i % 5); // ee, eh, ah, aw, oo, four times
const sounds = await run.sample({ n: 20, label, options: { temperature: 0.8 } }); // (20, 512)
await writeFile("vowels.wav", encodeWav(sounds, run.dataset.sampleRate!));

const { logProb, energyDistance } = await run.evaluate(["logProb", "energyDistance"], { limit: 500 });
console.log(`log-density ${logProb?.value.toFixed(0)} ± ${logProb?.stderr.toFixed(0)} ${logProb?.unit}`);
const { value = Number.NaN, realVsReal } = energyDistance ?? {};
console.log(`energy distance ${value.toFixed(3)}, of real sounds ${realVsReal?.value.toFixed(3)}`);
await engine.dispose();
