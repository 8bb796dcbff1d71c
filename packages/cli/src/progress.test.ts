import type { Progress } from "@latentkit/core";
import { describe, expect, it } from "vitest";
import { ProgressBar } from "./progress.js";
import { formatClock, formatMetric, formatRate, type LineInput, plainLine, progressLine } from "./progress-line.js";
import { colorsFor, widthOf } from "./terminal.js";

const plain = colorsFor({ isTTY: false }, {});
const colored = colorsFor({ isTTY: true }, {});
const input: LineInput = {
  step: 1500,
  steps: 9360,
  epoch: 3.2051,
  epochs: 20,
  metrics: { loss: 104.234, reconstruction: 79.11, kl: 25.124, elbo: -104.234, gradNorm: 12, skippedInRow: 0 },
  examplesPerSecond: 12345,
  secondsLeft: 83,
  noun: "images",
};

describe("progressLine", () => {
  it("shows everything at 120 columns", () => {
    const line = progressLine(input, 120, plain);
    for (const part of [
      "epoch 3.2/20",
      "━",
      "16%",
      "1500/9360",
      "loss 104.2",
      "reconstruction 79.11",
      "kl 25.12",
      "12.3k images/s",
      "1:23 left",
    ]) {
      expect(line).toContain(part);
    }
    expect(line).not.toContain("gradNorm");
  });

  it("keeps epoch, step, loss and its parts, speed and time at 80 columns", () => {
    const line = progressLine(input, 80, plain);
    for (const part of ["3.2/20", "1500/9360", "loss 104.2", "rec 79.11", "kl 25.12", "12.3k/s", "1:23"])
      expect(line).toContain(part);
  });

  it("keeps step, loss and time at 40 columns", () => {
    const line = progressLine(input, 40, plain);
    for (const part of ["1500/9360", "loss 104.2", "1:23"]) expect(line).toContain(part);
  });

  it("never fills the last column, at any width and with any values", () => {
    const large = {
      ...input,
      step: 123456789,
      steps: 987654321,
      metrics: { ...input.metrics, loss: -1.234e-300, skipped: 12 },
      secondsLeft: 9e6,
    };
    for (let width = 1; width <= 200; width++) {
      for (const values of [input, large]) {
        for (const colors of [plain, colored])
          expect(widthOf(progressLine(values, width, colors))).toBeLessThan(Math.max(1, width));
      }
    }
  });

  it("tells of refused updates", () => {
    expect(progressLine({ ...input, metrics: { ...input.metrics, skipped: 3 } }, 160, plain)).toContain("3 refused");
    expect(plainLine({ ...input, metrics: { ...input.metrics, skipped: 3 } })).toContain("3 refused");
  });
});

describe("numbers", () => {
  it("formatMetric", () =>
    expect([104.234, 0.012345, -1234.5, 0, 1.2e7, 1e-5, Number.NaN].map(formatMetric)).toEqual([
      "104.2",
      "0.01235",
      "-1234",
      "0",
      "1.20e+7",
      "1.00e-5",
      "NaN",
    ]));
  it("formatRate", () =>
    expect([5.25, 940, 12345, 999_990, 1.2e6, Number.NaN].map(formatRate)).toEqual([
      "5.3",
      "940",
      "12.3k",
      "1.0M",
      "1.2M",
      "…",
    ]));
  it("formatClock", () =>
    expect([0, 83, 3723, Number.NaN, Infinity].map(formatClock)).toEqual(["0:00", "1:23", "1:02:03", "…", "…"]));
});

class Terminal {
  written = "";
  columns = 80;
  #resize: (() => void)[] = [];

  constructor(readonly isTTY: boolean) {}
  write(text: string): void {
    this.written += text;
  }
  on(_event: "resize", listener: () => void): void {
    this.#resize.push(listener);
  }
  off(_event: "resize", listener: () => void): void {
    this.#resize = this.#resize.filter((known) => known !== listener);
  }
  resize(columns: number): void {
    this.columns = columns;
    for (const listener of this.#resize) listener();
  }
  take(): string {
    const text = this.written;
    this.written = "";
    return text;
  }
}

const progress = (step: number): Progress => ({ ...input, step, steps: 100 });

describe("ProgressBar", () => {
  it("draws over one line in a terminal, at most ten times a second", () => {
    const terminal = new Terminal(true);
    let now = 0;
    const bar = new ProgressBar(terminal, "images", () => now);
    for (let step = 1; step <= 50; step++) {
      bar.update(progress(step));
      now += 10;
    }
    const frames = terminal.take().split("\r").slice(1);
    expect(frames.length).toBe(5);
    expect(frames.join("")).not.toContain("\n");
    bar.stop({ keep: true });
    expect(terminal.take()).toMatch(/50\/100.*\n/);
  });

  it("goes up over the lines that a narrower window made of it", () => {
    const terminal = new Terminal(true);
    terminal.columns = 120;
    const bar = new ProgressBar(terminal, "images", () => 0);
    bar.update(progress(1));
    terminal.take();
    terminal.resize(40);
    const redrawn = terminal.take();
    expect(redrawn.startsWith("\u001b[2A\r\u001b[J\r")).toBe(true);
    expect(widthOf(redrawn.split("\r").at(-1)?.replace("\u001b[J", "") ?? "")).toBeLessThan(40);
    bar.stop();
    terminal.resize(100);
    expect(terminal.take()).toBe("\r\u001b[J");
  });

  it("writes plain lines every few seconds elsewhere, the last step always", () => {
    const log = new Terminal(false);
    let now = 0;
    const bar = new ProgressBar(log, "images", () => now);
    for (let step = 1; step <= 100; step++) {
      bar.update(progress(step));
      now += 100;
    }
    bar.stop({ keep: true });
    const lines = log.take().split("\n");
    expect(lines.map((line) => line.split("  ")[0])).toEqual(["step 1/100", "step 51/100", "step 100/100", ""]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is the point
    expect(lines.join("")).not.toMatch(/[\u001b\r]/);
  });
});

describe("ProgressBar.evaluating", () => {
  const at = (done: number) => ({ metric: "logProb", done, examples: 10_000 });

  it("says in a terminal at once what is evaluated, then how far it is", () => {
    const terminal = new Terminal(true);
    let now = 0;
    const bar = new ProgressBar(terminal, "images", () => now);
    bar.evaluating(at(0));
    expect(terminal.take()).toContain("evaluating logProb …");
    now = 3000;
    bar.evaluating(at(2500));
    expect(terminal.take()).toContain("evaluating logProb: 2,500 of 10,000 images, 0:09 left …");
    now = 3050;
    bar.evaluating(at(2525));
    expect(terminal.take()).toBe("");
  });

  it("writes elsewhere a line every few seconds of an evaluation that takes long, and no remarks", () => {
    const log = new Terminal(false);
    let now = 0;
    const bar = new ProgressBar(log, "images", () => now);
    for (let done = 0; done < 1000; done += 250) {
      bar.evaluating(at(done));
      now += 200;
    }
    bar.remark("drawing samples");
    expect(log.take()).toBe("");
    for (let done = 0; done < 10_000; done += 250) {
      bar.evaluating(at(done));
      now += 200;
    }
    expect(log.take()).toBe(
      "evaluating logProb: 1,250 of 10,000 images, 0:07 left\nevaluating logProb: 7,500 of 10,000 images, 0:02 left\n",
    );
  });
});

describe("colorsFor", () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{ isTTY: true }, { NO_COLOR: "1" }, false],
    [{ isTTY: true }, { NO_COLOR: "" }, true],
    [{ isTTY: false }, { FORCE_COLOR: "1" }, true],
    [{ isTTY: true }, { FORCE_COLOR: "0" }, false],
    [{ isTTY: true }, { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
    [{ isTTY: true }, { TERM: "dumb" }, false],
  ])("%j %j: %s", (stream, env, on) => expect(colorsFor(stream, env).red("x") !== "x").toBe(on));
});
