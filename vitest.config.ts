import { defineConfig } from "vitest/config";

const conditions = ["@latentkit/source", "node", "import", "module", "default"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: { include: ["packages/*/{src,test}/**/*.test.ts"] },
});
