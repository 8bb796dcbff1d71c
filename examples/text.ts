/*
 * A small GPT learns to write like Moby-Dick, character by character.
 *
 *   node examples/text.ts [steps]          (after `npm run build`; Node >= 22.18 runs TypeScript)
 *
 * Expected after the default 2000 steps, a pass and a half: 1.86 nats a test character (2.7 bits; three seeds gave 1.851 to 1.872), so as uncertain as
 * among 6.4 of 83 characters. What it writes looks like the book from afar and has no sense.
 */
import { arTransformer } from "@latentkit/ar-transformer";
import { train } from "@latentkit/core";
import { mobyDick } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";

const steps = Number(process.argv[2] ?? 2000);
const engine = onnx();
const run = await train({
  model: arTransformer({ preset: "nano", bias: false }), // 4 layers, 4 heads, 128 wide: nanoGPT's for a CPU
  data: mobyDick({ blockSize: 64 }),
  engine,
  steps,
  seed: 0,
  onProgress: ({ step, metrics }) => {
    if (step % 250 === 0) console.log(`${step}/${steps}  ${metrics.loss?.toFixed(2)} nats a character`);
  },
});

const { loss, perplexity } = await run.evaluate(["loss", "perplexity"], { limit: 400 });
console.log(
  `test text: ${loss?.value.toFixed(3)} ± ${loss?.stderr.toFixed(3)} ${loss?.unit}, perplexity ${perplexity?.value.toFixed(1)}`,
);

process.stdout.write("Call me");
let told = 0; // characters that are printed already
const options = { maxNewTokens: 200, temperature: 0.8 };
for await (const { texts } of run.generateStream({ prompt: "Call me", seed: 1, options })) {
  const [text = ""] = texts;
  process.stdout.write(text.slice(told));
  told = text.length;
}
console.log();
await engine.dispose();
