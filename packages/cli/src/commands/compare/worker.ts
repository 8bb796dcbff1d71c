import { type ChildProcess, fork } from "node:child_process";
import type { EngineOptions, Progress } from "@latentkit/core";
import { UserError } from "@latentkit/core";

/** One model of a comparison, as a process of its own is told. */
export interface WorkerTask {
  readonly out: string;
  readonly model: string;
  readonly engine: string;
  readonly engineOptions: EngineOptions;
}

/** Hears how it goes. */
export interface WorkerListener {
  onProgress(model: string, progress: Progress): void;
  onStage(stage: string): void;
  onWarning(warning: string): void;
}

/** What the process says: a call of its listener, or why it gave up. */
export type WorkerMessage =
  | {
      [Name in keyof WorkerListener]: { readonly call: Name; readonly values: Parameters<WorkerListener[Name]> };
    }[keyof WorkerListener]
  | { readonly error: { readonly name: string; readonly message: string } };

/** Asks the process to save and end. */
export const STOP = "stop";

/**
 * Trains and grades one model of a comparison in a process of its own: what the engine keeps of it is given back when it ends, and a crash is that model's alone.
 *
 * @throws Error when the process could not do its work; its message is the reason.
 */
export async function compareInWorker(task: WorkerTask, listener: WorkerListener, signal: AbortSignal): Promise<void> {
  const child = fork(new URL("./worker-process.js", import.meta.url), [JSON.stringify(task)], {
    stdio: ["ignore", "ignore", "inherit", "ipc"],
    serialization: "advanced", // metrics may be NaN
  });
  const stop = (): void => {
    if (child.connected) child.send(STOP); // a process that is done is not asked
  };
  signal.addEventListener("abort", stop);
  try {
    await ended(child, listener);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function ended(child: ChildProcess, listener: WorkerListener): Promise<void> {
  return new Promise((resolve, reject) => {
    let failure: Error | undefined;
    child.on("message", (message: WorkerMessage) => {
      if ("error" in message) failure = Object.assign(new Error(message.error.message), { name: message.error.name });
      else (listener[message.call] as (...values: unknown[]) => void)(...message.values);
    });
    child.once("error", reject);
    child.once("exit", (code, ended) => {
      if (failure !== undefined) reject(failure);
      else if (code === 0) resolve();
      else reject(new UserError("@latentkit/cli", whyEnded(code, ended)));
    });
  });
}

/** SIGKILL without being asked for is what Linux does to the largest process when memory is short. */
function whyEnded(code: number | null, ended: NodeJS.Signals | null): string {
  if (ended === "SIGKILL")
    return "its process was killed, most likely because memory ran out; free some, or make the model smaller";
  return `its process ended with ${ended ?? `code ${code}`}; the lines above say why`;
}
