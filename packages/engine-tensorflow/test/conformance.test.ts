import { testEngine } from "@latentkit/jit/testing";
import { tensorflow } from "../src/index.js";

for (const lowering of ["xla", "clusters", "graph"] as const) {
  testEngine({ name: `tensorflow, ${lowering}`, create: () => tensorflow({ lowering }) });
}
