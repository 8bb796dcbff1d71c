import { expect, it } from "vitest";
import { formatSeconds } from "./format-seconds.js";

it.each([
  [1.234, "1.2 s"],
  [59.7, "1 min 0 s"],
  [92, "1 min 32 s"],
  [539.8, "9 min 0 s"],
  [3599.6, "1 h 0 min"],
  [7384, "2 h 3 min"],
])("%d seconds read as %s", (seconds, text) => {
  expect(formatSeconds(seconds)).toBe(text);
});
