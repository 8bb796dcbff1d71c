import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { findLibrary } from "@latentkit/engine-tensorflow";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cannotLoad, FakePip, makeWheel, tensorflowFiles } from "./fake-pip.js";

const built = new URL("../dist/index.js", import.meta.url);
if (!existsSync(built)) throw new Error("this test runs the built package: npm run build first");

let pip: FakePip;
beforeEach(() => {
  pip = new FakePip();
  pip.serve("tensorflow_cpu-2.21.0", makeWheel("tensorflow_cpu-2.21.0", tensorflowFiles()));
});
afterEach(() => pip.remove());

/** Installs in a process of its own; `killAfter` milliseconds end it with SIGKILL. */
async function setup(killAfter?: number): Promise<{ seconds: number; code: number | null }> {
  const start = performance.now();
  const child = spawn(process.execPath, [
    "-e",
    `import(${JSON.stringify(built.href)}).then((m) => m.setupTensorflow())`,
  ]);
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill("SIGKILL"), killAfter);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearTimeout(timer);
  return { seconds: (performance.now() - start) / 1000, code };
}

it.skipIf(cannotLoad !== undefined)(
  "a kill at any moment leaves a whole installation or none",
  { timeout: 120_000 },
  async () => {
    const { seconds, code } = await setup();
    expect(code).toBe(0);
    expect(findLibrary()).toBeDefined();
    pip.clear();
    const kills = 10;
    for (let i = 1; i <= kills; i++) {
      await setup((1000 * seconds * i) / kills);
      const names = existsSync(pip.installs) ? readdirSync(pip.installs).filter((name) => !name.startsWith(".")) : [];
      expect(names.length).toBe(findLibrary() === undefined ? 0 : 1); // what can be seen is whole
      if (names.length > 0) pip.clear();
    }
    expect((await setup()).code).toBe(0);
    expect(findLibrary()).toBeDefined();
    expect(readdirSync(pip.installs).sort()).toEqual([".download", "2.21.0-cpu-linux-x64"]);
  },
);
