import { open, readFile, rename, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { refusal } from "./refusal.js";

interface Holder {
  readonly pid: number;
  readonly host: string;
}

/**
 * Runs `work` while no other process does so with the same file. A lock whose process is gone is taken over.
 *
 * @throws UserError when another process holds it.
 */
export async function withLock<T>(file: string, work: () => Promise<T>): Promise<T> {
  await take(file);
  try {
    return await work();
  } finally {
    await rm(file, { force: true });
  }
}

async function take(file: string): Promise<void> {
  const me: Holder = { pid: process.pid, host: hostname() };
  for (let attempt = 0; attempt < 3; attempt++) {
    if (await create(file, JSON.stringify(me))) return;
    const text = await readFile(file, "utf8").catch(() => "");
    const holder = parse(text);
    if (holder !== undefined && isAlive(holder)) throw heldBy(holder, file);
    await setAside(file, text);
  }
  throw heldBy(undefined, file);
}

async function create(file: string, text: string): Promise<boolean> {
  try {
    const handle = await open(file, "wx");
    await handle.writeFile(text);
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Two processes may find the same stale lock: each removes only what it has read. */
async function setAside(file: string, stale: string): Promise<void> {
  const aside = `${file}.${process.pid}`;
  try {
    await rename(file, aside);
  } catch {
    return; // another one was quicker
  }
  const text = await readFile(aside, "utf8");
  if (text === stale) await rm(aside);
  else await rename(aside, file);
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host } = JSON.parse(text) as Partial<Holder>;
    return typeof pid === "number" && typeof host === "string" ? { pid, host } : undefined;
  } catch {
    return undefined; // written by halves
  }
}

/** Processes of other machines that share the folder cannot be asked, so they count as alive. */
function isAlive({ pid, host }: Holder): boolean {
  if (host !== hostname()) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

function heldBy(holder: Holder | undefined, file: string): Error {
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.host}`;
  return refusal(
    `${who} is installing TensorFlow; wait until it is done, or delete ${file} if there is no such process`,
  );
}
