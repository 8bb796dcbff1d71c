/*
 * A flow learns the density of two moons; points that do not belong to them stand out by their likelihood.
 *
 *   node examples/anomalies.ts [steps]
 *
 * Expected after the default 1000 steps: mean -2.40 nats on test points (no model can exceed -2.394), and a test point is likelier than a point
 * drawn from the square around the moons in 94 % of pairs. Not in all: some of the square lies on the moons.
 */
import { hostKey, hostTensor, meanAndError, philoxUniform, probabilityBelow, type Split, train } from "@latentkit/core";
import { toy } from "@latentkit/datasets";
import { onnx } from "@latentkit/engine-onnx";
import { flow } from "@latentkit/flow";

const steps = Number(process.argv[2] ?? 1000);
const engine = onnx();
const model = flow({ layers: 6, width: 64 });
const run = await train({ model, data: toy("moons"), engine, steps, batchSize: 256, seed: 0 });
const { session, dataset } = run;

const logProb = session.model.logProb!; // exact, nats, one number an example
const usual = await session.perExample(logProb, dataset.splits.test, { limit: 2000 });
const strange = await session.perExample(logProb, square(2000, 4), {});
const { value, stderr } = probabilityBelow(strange.data, usual.data);

const { value: mean } = meanAndError(usual.data);
console.log(`test points: mean ${mean.toFixed(3)} nats; entropy of the data ${dataset.entropy?.toFixed(3)} nats`);
console.log(
  `likelier than a point of the square in ${(100 * value).toFixed(1)} ± ${(100 * stderr).toFixed(1)} % of pairs`,
);
await engine.dispose();

/** Uniform points with coordinates in [-side, side], as data to score. */
function square(size: number, side: number): Split {
  const { x, label } = dataset.splits.train.fields;
  const points = philoxUniform(hostKey(1, "square"), 2 * size).map((u) => side * (2 * u - 1));
  return {
    size,
    fields: { x: x!, ...(label ? { label } : {}) },
    gather: (indices) => ({
      x: hostTensor(Array.from(indices).flatMap((i) => [...points.subarray(2 * i, 2 * i + 2)]), [indices.length, 2]), // biome-ignore format: one line
      label: hostTensor(new Int32Array(indices.length), [indices.length], "int32"), // the flow does not look at it
    }),
  };
}
