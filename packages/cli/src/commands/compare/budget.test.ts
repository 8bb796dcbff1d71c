import { describe, expect, it } from "vitest";
import { parseBudget } from "./budget.js";

describe("parseBudget", () => {
  it.each([
    ["30s", 0.5],
    ["10m", 10],
    ["1.5h", 90],
  ])("%s", (text, minutes) => {
    expect(parseBudget(text)).toBe(minutes);
  });

  it.each(["10", "m", "0m", "-3m", "10 m", "1d"])("refuses %s", (text) => {
    expect(() => parseBudget(text)).toThrow(`--budget must be a time such as 30s, 10m or 1h, got "${text}"`);
  });
});
