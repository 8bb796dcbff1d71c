/** Time as the trainer sees it. */
export interface Clock {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** Milliseconds since 1970. */
  wallTime(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => performance.now(), wallTime: () => Date.now() };
