// Assembles src/random/philox.wat into src/random/philox.wasm.ts. With --check it writes nothing and exits with 1 when the file is stale.
import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const source = new URL("../src/random/philox.wat", import.meta.url);
const target = new URL("../src/random/philox.wasm.ts", import.meta.url);

const { parseWat } = await wabt();
const module = parseWat("philox.wat", readFileSync(source, "utf8"), { simd: true });
module.resolveNames();
module.validate();
const base64 = Buffer.from(module.toBinary({}).buffer).toString("base64");
const text = `// Generated from philox.wat by \`node packages/jit/tools/assemble-philox.mjs\`; do not edit.
/** The assembled WebAssembly module of \`philox.wat\`, base64. */
export const PHILOX_WASM =
  "${base64}";
`;

if (!process.argv.includes("--check")) {
  writeFileSync(target, text);
} else if (readFileSync(target, "utf8") !== text) {
  console.error("philox.wasm.ts does not match philox.wat; run: node packages/jit/tools/assemble-philox.mjs");
  process.exitCode = 1;
}
