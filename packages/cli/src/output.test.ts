import { expect, it } from "vitest";
import { counted } from "./output.js";

it("counts one without an s", () => {
  expect([0, 1, 2].map((n) => counted(n, "text"))).toEqual(["0 texts", "1 text", "2 texts"]);
});
