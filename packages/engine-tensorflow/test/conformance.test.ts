import { testEngine } from "@latentkit/jit/testing";
import { tensorflow } from "../src/index.js";

for (const lowering of ["xla", "clusters", "graph"] as const) {
  const engine = await tensorflow({ lowering });
  testEngine({ name: `tensorflow, ${lowering}`, create: () => engine });
}
