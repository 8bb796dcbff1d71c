import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "@latentkit/jit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openJsonlSink, readMetrics } from "./jsonl-sink.js";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentkit-jsonl-"));
  path = join(folder, "metrics.jsonl");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const now = () => 1_700_000_000_500;

it("writes one object a line, at once", async () => {
  const sink = await openJsonlSink(path, { now });
  sink.scalars(1, { "train/loss": 0.5, bad: Number.NaN });
  expect(await readFile(path, "utf8")).toBe('{"step":1,"time":1700000000.5,"train/loss":0.5,"bad":null}\n');
  sink.scalars(2, {});
  await sink.close();
  expect(await readMetrics(path)).toEqual([
    { step: 1, time: 1700000000.5, "train/loss": 0.5, bad: null },
    { step: 2, time: 1700000000.5 },
  ]);
});

it("cuts lines behind the checkpoint and a torn last line on resume", async () => {
  await writeFile(path, '{"step":1,"time":0}\n{"step":2,"time":0}\n{"step":3,"time":0}\n{"step":2,"ti');
  const sink = await openJsonlSink(path, { now, resumeAt: 2 });
  sink.scalars(3, { a: 1 });
  await sink.close();
  expect((await readMetrics(path)).map(({ step, a }) => [step, a])).toEqual([
    [1, undefined],
    [2, undefined],
    [3, 1],
  ]);
});

it("survives being cut at every byte", async () => {
  const text = '{"step":1,"time":0,"a":1}\n{"step":2,"time":0,"a":"é"}\n';
  const bytes = Buffer.from(text);
  for (let length = 0; length <= bytes.length; length++) {
    await writeFile(path, bytes.subarray(0, length));
    await (await openJsonlSink(path, { resumeAt: 9 })).close();
    const lines = text.split("\n").slice(0, -1);
    const whole = lines.filter((_, i) => Buffer.from(`${lines.slice(0, i + 1).join("\n")}\n`).length <= length);
    expect(await readFile(path, "utf8")).toBe(whole.map((line) => `${line}\n`).join(""));
  }
});

it("starts anew without resume, and resumes a run that logged nothing", async () => {
  await writeFile(path, '{"step":1,"time":0}\n');
  await (await openJsonlSink(path)).close();
  expect(await readMetrics(path)).toEqual([]);
  await rm(path);
  await (await openJsonlSink(path, { resumeAt: 5 })).close();
  expect(await readMetrics(path)).toEqual([]);
});

it("names a broken line in the middle", async () => {
  await writeFile(path, '{"step":1,"time":0}\nnull\n{"step":3,"time":0}\n');
  await expect(openJsonlSink(path, { resumeAt: 5 })).rejects.toThrow(UserError);
  await expect(readMetrics(path)).rejects.toThrow(`${path} line 2 is not a metrics line; delete that line`);
});

it("refuses names it needs itself", async () => {
  const sink = await openJsonlSink(path);
  expect(() => sink.scalars(1, { time: 3 })).toThrow('a value cannot be named "step" or "time"');
  await sink.close();
});

it("tells that the folder is missing", async () => {
  const missing = join(folder, "no", "metrics.jsonl");
  await expect(openJsonlSink(missing)).rejects.toThrow(`cannot write ${missing}: it does not exist`);
  await expect(readMetrics(missing)).rejects.toThrow(`cannot read ${missing}: it does not exist`);
});
