import { UsageError } from "../../errors.js";

const MINUTES = { s: 1 / 60, m: 1, h: 60 } as const;

/** Minutes of `30s`, `10m`, `1.5h`. @throws UsageError for anything else. */
export function parseBudget(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?|\.\d+)([smh])$/.exec(text) ?? [];
  const minutes = Number(amount) * MINUTES[unit as keyof typeof MINUTES];
  if (minutes > 0) return minutes;
  throw new UsageError(`--budget must be a time such as 30s, 10m or 1h, got "${text}"`);
}
