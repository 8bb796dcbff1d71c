import { defineConfig } from "vitest/config";

// Packages find each other by source, so tests need no build.
const conditions = ["@latentkit/source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    testTimeout: 60_000, // machines differ: a limit against hanging, not a measure of speed
    hookTimeout: 300_000,
    maxConcurrency: 2, // of tests that call themselves concurrent
    include: ["packages/*/{src,test}/**/*.test.ts", "tools/**/*.test.mjs"],
  },
});
