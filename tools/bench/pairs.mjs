/** What the benchmarks of pairs share: a training into a run folder, then error rates over the whole test split. */
import { parseArgs } from "node:util";
import { arTransformerPlugin } from "@latentkit/ar-transformer";
import { trainRun } from "@latentkit/core/node";
import { engineOf, settings } from "./flow-options.mjs";

/**
 * Trains and measures as the command line does, and prints one line of JSON at the end.
 *
 * @param task `data`: a source; `config`: of the model; `training`: its options; `out`: where the run goes unless `--out` says otherwise.
 * @param targets Most that an error rate in per cent may be, by metric.
 */
export async function benchPairs({ data, config, training, out }, targets) {
  const { values } = parseArgs({
    options: {
      steps: { type: "string" },
      seed: { type: "string", default: "0" },
      engine: { type: "string", default: "tensorflow" },
      out: { type: "string", default: out },
      resume: { type: "boolean", default: false },
      set: { type: "string", multiple: true, default: [] },
    },
  });
  const engine = await engineOf(values.engine);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const cpuMinutes = () => {
    const { user, system } = process.cpuUsage(cpu);
    return (user + system) / 60e6;
  };
  try {
    const run = await trainRun({
      model: { plugin: arTransformerPlugin, config: { ...config, ...settings(values.set) } },
      data,
      engine,
      config: {
        ...training,
        ...(values.steps ? { steps: Number(values.steps) } : {}),
        seed: Number(values.seed),
      },
      out: values.out,
      ...(values.resume ? { resume: "latest" } : { overwrite: true }),
      metrics: Object.keys(targets),
      onEvaluate: (step, results) => {
        const shown = Object.entries(results).map(([name, { value }]) => `${name} ${value.toPrecision(4)}`);
        console.error(`step ${step}, ${cpuMinutes().toFixed(1)} min of CPU: ${shown.join(", ")}`);
      },
      onWarning: (warning) => console.error(`warning: ${warning}`),
    });
    const { metrics, step, trainSeconds } = run.result;
    const measured = Object.keys(targets).map((name) => {
      const { value, stderr, n } = metrics[name];
      return [
        name,
        { value: round(value), stderr: round(stderr), n, atMost: targets[name], reached: value <= targets[name] },
      ];
    });
    console.log(
      JSON.stringify({
        engine: engine.name,
        steps: step,
        seed: Number(values.seed),
        trainMinutes: round(trainSeconds / 60),
        minutes: round((performance.now() - started) / 60e3),
        cpuMinutes: round(cpuMinutes()),
        ...Object.fromEntries(measured),
      }),
    );
  } finally {
    await engine.dispose();
  }
}

const round = (value) => Number(value.toFixed(2));
