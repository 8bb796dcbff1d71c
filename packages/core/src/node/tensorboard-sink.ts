import { closeSync, openSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import type { LogSink } from "../log.js";
import { fileVersionEvent, imageEvent, scalarsEvent, sessionStartEvent, textEvent } from "../tensorboard/event.js";
import { encodeRecord } from "../tensorboard/tfrecord.js";
import { withFileErrors, withFileErrorsSync } from "./files.js";
import { writeAll } from "./jsonl-sink.js";

/** Options of {@link openTensorBoardSink}. */
export interface TensorBoardSinkOptions {
  /** Continue after this step: TensorBoard drops what earlier files of the folder hold of later steps. */
  readonly resumeAt?: number | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
  /** Part of the file's name; the machine's when absent. */
  readonly host?: string | undefined;
}

/**
 * Opens a new event file `events.out.tfevents.<seconds>.<host>` in a folder that TensorBoard can watch (`tensorboard --logdir FOLDER`).
 *
 * @throws UserError when the file cannot be written.
 */
export async function openTensorBoardSink(folder: string, options: TensorBoardSinkOptions = {}): Promise<LogSink> {
  const now = options.now ?? Date.now;
  const action = `cannot write TensorBoard events in ${folder}`;
  const name = await withFileErrors(action, async () => {
    await mkdir(folder, { recursive: true });
    return nextFileName(await readdir(folder), now(), options.host ?? hostname());
  });
  const file = withFileErrorsSync(action, () => openSync(join(folder, name), "wx"));
  const write = (event: Uint8Array) => withFileErrorsSync(action, () => writeAll(file, encodeRecord(event)));
  const at = (step: number) => ({ step, wallTime: now() / 1000 });
  write(fileVersionEvent(now() / 1000));
  // TensorBoard looks for the second and later starts of a folder only, so a fresh run needs one too.
  write(sessionStartEvent(at(options.resumeAt === undefined ? 0 : options.resumeAt + 1)));
  return {
    scalars: (step, values) => write(scalarsEvent(at(step), values)),
    text: (step, tag, text) => write(textEvent(at(step), tag, text)),
    image: (step, tag, png) => write(imageEvent(at(step), tag, png)),
    async close() {
      closeSync(file);
    },
  };
}

/** TensorBoard reads the files of a folder in the order of their names, so a new file's second is later than all before. */
function nextFileName(names: readonly string[], now: number, host: string): string {
  const seconds = names.map((name) => Number(/^events\.out\.tfevents\.(\d+)\./.exec(name)?.[1] ?? -1));
  const second = Math.max(Math.floor(now / 1000), ...seconds.map((s) => s + 1));
  return `events.out.tfevents.${String(second).padStart(10, "0")}.${host}`;
}
