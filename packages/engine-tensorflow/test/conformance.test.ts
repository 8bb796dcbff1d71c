import { testEngine } from "@latentkit/jit/testing";
import { it } from "vitest";
import { tensorflow } from "../src/index.js";
import { noLibrary } from "./library.js";

for (const lowering of ["xla", "clusters", "graph"] as const) {
  if (noLibrary !== undefined) {
    it.skip(`tensorflow, ${lowering}: ${noLibrary}`, () => {});
    continue;
  }
  const engine = await tensorflow({ lowering });
  testEngine({ name: `tensorflow, ${lowering}`, create: () => engine });
}
