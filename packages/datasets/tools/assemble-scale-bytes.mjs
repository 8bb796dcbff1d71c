// Assembles src/scale-bytes.wat into src/scale-bytes.wasm.ts. With --check it writes nothing and exits with 1 when the file is stale.
import { readFileSync, writeFileSync } from "node:fs";
import wabt from "wabt";

const source = new URL("../src/scale-bytes.wat", import.meta.url);
const target = new URL("../src/scale-bytes.wasm.ts", import.meta.url);

const { parseWat } = await wabt();
const module = parseWat("scale-bytes.wat", readFileSync(source, "utf8"), { simd: true });
module.resolveNames();
module.validate();
const base64 = Buffer.from(module.toBinary({}).buffer).toString("base64");
const text = `// Generated from scale-bytes.wat by \`node packages/datasets/tools/assemble-scale-bytes.mjs\`; do not edit.
/** The assembled WebAssembly module of \`scale-bytes.wat\`, base64. */
export const SCALE_BYTES_WASM =
  "${base64}";
`;

if (!process.argv.includes("--check")) {
  writeFileSync(target, text);
} else if (readFileSync(target, "utf8") !== text) {
  console.error(
    "scale-bytes.wasm.ts does not match scale-bytes.wat; run: node packages/datasets/tools/assemble-scale-bytes.mjs",
  );
  process.exitCode = 1;
}
