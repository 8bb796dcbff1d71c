#!/usr/bin/env node
/**
 * Flows on tables of known density: the mean gap of the test log-likelihood to the exact one in nats, smaller is better. MAF with five layers is
 * the yardstick; every model gets the same number of updates.
 *
 *     node tools/bench/flow-tabular.mjs [--tables mixture-6,copula-21,process-43] [--models maf,nsf,nsf-ar] [--steps 3000] [--engine onnx]
 */
import { parseArgs } from "node:util";
import { meanAndError, train } from "@latentkit/core";
import { flow } from "@latentkit/flow";
import { engineOf, settings } from "./flow-options.mjs";
import { TABLES, table } from "./tabular.mjs";

const { values } = parseArgs({
  options: {
    tables: { type: "string", default: TABLES.join(",") },
    models: { type: "string", default: "maf,nsf,nsf-ar" },
    steps: { type: "string", default: "3000" },
    rate: { type: "string", default: "1e-3" },
    seeds: { type: "string", default: "1" },
    engine: { type: "string", default: "onnx" },
    set: { type: "string", multiple: true, default: [] },
  },
});

for (const name of values.tables.split(",")) {
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    const { source, floor } = table(name, { seed });
    for (const model of values.models.split(",")) {
      const engine = await engineOf(values.engine);
      const cpu = process.cpuUsage();
      const run = await train({
        model: flow({ model, layers: 5, ...settings(values.set) }),
        data: source,
        engine,
        seed,
        steps: Number(values.steps),
        batchSize: 256,
        emaDecay: 0.995,
        optimizer: { learningRate: Number(values.rate), schedule: "cosine", clipNorm: 5 },
        checkpointEvery: 0,
      });
      const { session, dataset } = run;
      const { data } = await session.perExample(session.model.logProb, dataset.splits.test);
      const gap = meanAndError(floor.map((exact, i) => exact - data[i]));
      const { user, system } = process.cpuUsage(cpu);
      const { inversionError } = run.result.metrics;
      console.log(
        `${name} seed ${seed} ${model}: gap ${gap.value.toFixed(3)} ± ${gap.stderr.toFixed(3)} nats; inversion error ${inversionError.value.toExponential(1)}; ${((user + system) / 1e6).toFixed(0)} s of CPU`,
      );
      await engine.dispose();
    }
  }
}
