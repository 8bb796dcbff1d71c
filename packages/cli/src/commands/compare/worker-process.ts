/** The process that {@link compareInWorker} starts: one model of a comparison. */
import { compareOne } from "@latentkit/core/node";
import { createApp, createEngine } from "../../app.js";
import { storedPlan } from "./stored-plan.js";
import { STOP, type WorkerMessage, type WorkerTask } from "./worker.js";

const say = (message: WorkerMessage): void => {
  if (process.connected) process.send?.(message);
};

async function work({ out, model, engine, engineOptions }: WorkerTask, signal: AbortSignal): Promise<void> {
  const app = await createApp();
  await compareOne(
    {
      ...(await storedPlan(app, out)),
      evaluator: app.evaluator,
      versions: app.versions,
      createEngine: () => createEngine(app, engine, engineOptions),
      signal,
      onProgress: (...values) => say({ call: "onProgress", values }),
      onStage: (...values) => say({ call: "onStage", values }),
      onWarning: (...values) => say({ call: "onWarning", values }),
    },
    model,
  );
}

const controller = new AbortController();
const stop = (): void => controller.abort();
process.on("message", (message) => message === STOP && stop());
process.on("disconnect", stop); // the command was killed: save, and end too
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => {}); // a terminal sends them to all of its processes; the command says when to stop
try {
  await work(JSON.parse(process.argv[2] as string) as WorkerTask, controller.signal);
} catch (error) {
  const { name, message } = error instanceof Error ? error : { name: "Error", message: String(error) };
  say({ error: { name, message } });
} finally {
  if (process.connected) process.disconnect();
}
