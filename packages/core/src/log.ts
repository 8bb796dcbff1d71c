/** Where a run's measurements go: console, `metrics.jsonl`, TensorBoard … Registered under the token `LOG_SINK` (many). */
export interface LogSink {
  /**
   * Numbers measured at a step. Names group by slash: `train/loss`, `test/elbo`.
   * What was given is safe from the death of the process when the call returns, and may be lost with the machine.
   *
   * @throws UserError when it cannot be written, e.g. because the disk is full.
   */
  scalars(step: number, values: Readonly<Record<string, number>>): void;
  /** A text, e.g. a generated sample or the configuration; Markdown where the sink shows it. */
  text?(step: number, tag: string, text: string): void;
  /** A picture as the bytes of a PNG file. */
  image?(step: number, tag: string, png: Uint8Array): void;
  close(): Promise<void>;
}

/** One sink that passes everything to several. */
export function combineSinks(sinks: readonly LogSink[]): LogSink {
  return {
    scalars(step, values) {
      for (const sink of sinks) sink.scalars(step, values);
    },
    text(step, tag, text) {
      for (const sink of sinks) sink.text?.(step, tag, text);
    },
    image(step, tag, png) {
      for (const sink of sinks) sink.image?.(step, tag, png);
    },
    async close() {
      const results = await Promise.allSettled(sinks.map((sink) => sink.close()));
      const failed = results.find((result) => result.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    },
  };
}

/** One line a call, `step 500  train/loss 104.2  train/kl 25.13`, numbers with at most 6 significant digits. */
export function consoleSink(write: (line: string) => void = console.error): LogSink {
  return {
    scalars(step, values) {
      const parts = Object.entries(values).map(([name, value]) => `${name} ${shortNumber(value)}`);
      write([`step ${step}`, ...parts].join("  "));
    },
    text: (step, tag, text) => write(`step ${step}  ${tag}: ${text}`),
    async close() {},
  };
}

const shortNumber = (value: number): string => String(Number(value.toPrecision(6)));

/** What {@link MemorySink} keeps of one call. */
export interface LoggedScalars {
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Keeps scalars in memory: for browsers, notebooks, tests and curves drawn at the end of a run. */
export class MemorySink implements LogSink {
  readonly logged: LoggedScalars[] = [];

  scalars(step: number, values: Readonly<Record<string, number>>): void {
    this.logged.push({ step, values: { ...values } });
  }

  /** The points of one curve, in the order they were logged. */
  series(name: string): { readonly step: number; readonly value: number }[] {
    return this.logged.flatMap(({ step, values }) => {
      const value = values[name];
      return value === undefined ? [] : [{ step, value }];
    });
  }

  async close(): Promise<void> {}
}
