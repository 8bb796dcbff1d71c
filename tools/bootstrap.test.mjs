import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { BootstrapError, requireNode, root } from "./bootstrap.mjs";

let checkout;

beforeAll(() => {
  checkout = mkdtempSync(join(tmpdir(), "latentkit-bootstrap-"));
  for (const file of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml", "tools/bootstrap.mjs"]) {
    cpSync(join(root, file), join(checkout, file));
  }
  cpSync(join(root, "packages/jit/package.json"), join(checkout, "packages/jit/package.json"));
});

afterAll(() => rmSync(checkout, { recursive: true, force: true }));

test.each(["18.20.4", "20.18.3", "16.0.0"])("refuses Node %s", (version) => {
  expect(() => requireNode(version)).toThrow(BootstrapError);
});

test.each(["20.19.0", "22.1.0", "24.0.0"])("takes Node %s", (version) => {
  expect(() => requireNode(version)).not.toThrow();
});

test("says in one line that the registry cannot be reached", () => {
  const env = {
    ...process.env,
    npm_config_registry: "http://127.0.0.1:9",
    npm_config_fetch_retries: "0",
    npm_config_cache: join(checkout, "cache"),
  };
  const { status, stderr } = spawnSync(process.execPath, ["tools/bootstrap.mjs"], {
    cwd: checkout,
    env,
    encoding: "utf8",
  });
  const lines = stderr.trim().split("\n");
  expect(status).toBe(1);
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatch(/^bootstrap: npm could not install pnpm [\d.]+: .*127\.0\.0\.1.*; check the network/);
});

test("a second call changes nothing and says nothing", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/bootstrap.mjs"], {
    cwd: root,
    encoding: "utf8",
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "", stderr: "" });
});
