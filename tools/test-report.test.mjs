import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { countTests } from "./test-report.mjs";

let folder;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "latentkit-report-"));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function write(name, passed, files) {
  const report = { numPassedTests: passed, numPendingTests: 1, numTodoTests: 0, testResults: files };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(report));
}

const failing = {
  name: resolve("a.test.ts"),
  status: "failed",
  message: "",
  assertionResults: [{ status: "failed", fullName: "adds" }],
};
const unloadable = {
  name: resolve("b.test.ts"),
  status: "failed",
  message: "no such module\n  at x",
  assertionResults: [],
};

test("sums reports and names every failure", () => {
  write("one", 3, [failing]);
  write("two", 4, []);
  expect(countTests(folder, ["one", "two"])).toEqual({
    passed: 7,
    failed: 1,
    skipped: 2,
    problems: ["a.test.ts: adds"],
  });
});

test("counts a file that does not load and a missing report as failures", () => {
  write("three", 2, [unloadable]);
  const { passed, failed, problems } = countTests(folder, ["three", "four"]);
  expect({ passed, failed }).toEqual({ passed: 2, failed: 2 });
  expect(problems).toEqual(["b.test.ts: no such module", "four: no test report"]);
});
