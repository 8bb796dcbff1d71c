import { expect, it } from "vitest";
import { combineSinks, consoleSink, type LogSink, MemorySink } from "./log.js";

it("consoleSink writes one short line a call", () => {
  const lines: string[] = [];
  const sink = consoleSink((line) => lines.push(line));
  sink.scalars(500, { "train/loss": 104.23456789, "train/lr": 1e-3, bad: Number.NaN });
  sink.text?.(501, "sample", "Call me");
  expect(lines).toEqual(["step 500  train/loss 104.235  train/lr 0.001  bad NaN", "step 501  sample: Call me"]);
});

it("MemorySink gives curves", () => {
  const sink = new MemorySink();
  sink.scalars(1, { a: 1 });
  sink.scalars(2, { b: 5 });
  sink.scalars(3, { a: 2 });
  expect(sink.series("a")).toEqual([
    { step: 1, value: 1 },
    { step: 3, value: 2 },
  ]);
});

it("combineSinks passes everything on and closes all, though one fails", async () => {
  const seen: string[] = [];
  const full: LogSink = {
    scalars: (step) => seen.push(`scalars ${step}`),
    image: (step, tag, png) => seen.push(`image ${step} ${tag} ${png.length}`),
    close: async () => void seen.push("closed"),
  };
  const failing: LogSink = { scalars: () => {}, close: () => Promise.reject(new Error("no")) };
  const sink = combineSinks([failing, full, new MemorySink()]);
  sink.scalars(1, {});
  sink.image?.(2, "grid", new Uint8Array(3));
  sink.text?.(3, "t", "not for these");
  await expect(sink.close()).rejects.toThrow("no");
  expect(seen).toEqual(["scalars 1", "image 2 grid 3", "closed"]);
});
