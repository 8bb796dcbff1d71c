/*
 * Three families on the same data for the same time, graded alike; what `latentkit compare` does, from code.
 *
 *   node examples/compare.ts [seconds]
 *
 * Expected after the default 20 seconds each: the flow has the smallest energy distance and the largest coverage (on a very busy machine after 66
 * updates 0.00 and 0.87; the VAE 0.10 and 0.73, the GAN 0.45 and 0.58), and comparison/report.html shows all that. The numbers depend on the machine.
 */
import { createEvaluator } from "@latentkit/core";
import { compareModels } from "@latentkit/core/node";
import { toy } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { flow } from "@latentkit/flow";
import { gan } from "@latentkit/gan";
import { vae } from "@latentkit/vae";

const seconds = Number(process.argv[2] ?? 20);
const { results, reportFile } = await compareModels({
  models: [vae({ latentDim: 2, hidden: [64, 64] }), gan({ hidden: [64, 64] }), flow({ layers: 4, width: 32 })],
  data: toy("rings", { train: 20_000, test: 2000 }),
  minutes: seconds / 60,
  samples: 500,
  seed: 0,
  out: "comparison",
  overwrite: true,
  evaluator: createEvaluator({}),
  createEngine: async () => onnx(),
});

for (const { name, status, grades } of results) {
  const { energyDistance, coverage } = grades?.metrics ?? {};
  console.log(
    `${name}: ${status}, ${grades?.steps} updates, energy distance ${energyDistance?.value.toFixed(3)} ± ${energyDistance?.stderr.toFixed(3)}, ` +
      `coverage ${coverage?.value.toFixed(2)}`,
  );
}
console.log(`report: ${reportFile}`);
