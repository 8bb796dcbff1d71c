import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/**
 * A process that is asked with a line of JSON and answers with one: how a benchmark keeps several contenders alive and lets them run in turn.
 */
export class Contender {
  #child;
  #lines;
  #errors = "";

  /** @param command Program and arguments. @param env Variables besides those of this process. */
  constructor([program, ...args], env = {}) {
    this.#child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...env } });
    this.#child.on("error", ({ message }) => {
      this.#errors = message; // no such program
    });
    this.#child.stderr.on("data", (text) => {
      this.#errors = (this.#errors + text).slice(-4000);
    });
    this.#child.stdin.on("error", () => {}); // a process that is gone: the answer that never comes says so
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The next line. @throws Error with what the process wrote to standard error when it ends instead. */
  async answer() {
    const { value, done } = await this.#lines.next();
    if (!done) return JSON.parse(value);
    throw new Error(`${this.#child.spawnargs.join(" ")} ended:\n${this.#errors.trim()}`);
  }

  ask(command) {
    this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    return this.answer();
  }

  close() {
    this.#child.stdin.end();
  }
}

/**
 * The other end: says `ready`, then answers every command `{ do: name, ... }` until standard input ends.
 *
 * @param handlers By name.
 */
export async function answerLines(handlers, ready) {
  const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
  say(ready);
  for await (const line of createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    say(await handlers[command.do](command));
  }
}
