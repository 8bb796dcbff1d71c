/** Which kernels the library computes with is settled when a process loads it, so each case has a process of its own. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { noLibrary } from "./library.js";

const built = new URL("../dist/index.js", import.meta.url);
if (!existsSync(built)) throw new Error("this test runs the built package: npm run build first");

/** What the engine says about oneDNN, and what the library itself logs. */
async function oneDnn(setting: string | undefined): Promise<{ told: string; logged: boolean }> {
  const { TF_ENABLE_ONEDNN_OPTS: _, ...rest } = process.env;
  const env = { ...rest, TF_CPP_MIN_LOG_LEVEL: "0", ...(setting ? { TF_ENABLE_ONEDNN_OPTS: setting } : {}) };
  const script = `import(${JSON.stringify(built.href)}).then(async ({ tensorflow }) => {
    const engine = await tensorflow();
    process.stdout.write(String(engine.capabilities.details.oneDNN));
    await engine.dispose();
  })`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["-e", script], { env });
  return { told: stdout, logged: stderr.includes("oneDNN custom operations are on") };
}

it.skipIf(noLibrary !== undefined || process.arch !== "x64")(
  `x64 computes on oneDNN, whatever the processor, unless the user says otherwise${noLibrary ? ` (skipped: ${noLibrary})` : ""}`,
  { timeout: 120_000 },
  async () => {
    expect(await oneDnn(undefined)).toEqual({ told: "true", logged: true });
    expect(await oneDnn("0")).toEqual({ told: "false", logged: false });
  },
);
