import type { Executable } from "@latentkit/jit";
import { expect, test } from "vitest";
import { RepeatedExecutable } from "./repeated.js";

const AFTER = 3;

/** An executable that notes what it is asked. */
const noting = (name: string, notes: string[]): Executable => ({
  async run() {
    notes.push(name);
    return [];
  },
  async dispose() {
    notes.push(`${name} disposed`);
  },
});

test("a program goes on as another one when it has run often, whose predecessor is disposed", async () => {
  const notes: string[] = [];
  let made = 0;
  const program = new RepeatedExecutable(noting("graph", notes), AFTER, () => {
    made++;
    return noting("compiled", notes);
  });
  const runs = Array.from({ length: AFTER + 2 }, () => program.run([]));
  await Promise.all(runs);
  await program.dispose();
  expect(made).toBe(1);
  expect(notes.slice(0, AFTER)).toEqual(Array(AFTER).fill("graph"));
  expect(notes.slice(AFTER).sort()).toEqual(["compiled", "compiled", "compiled disposed", "graph disposed"]);
});

test("a program that was disposed early is never made again", async () => {
  const notes: string[] = [];
  const program = new RepeatedExecutable(noting("graph", notes), AFTER, () => {
    throw new Error("made");
  });
  await program.dispose();
  for (let i = 0; i <= AFTER; i++) await program.run([]);
  expect(notes).toHaveLength(AFTER + 2);
});
