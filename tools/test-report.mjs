/** Counts tests in vitest's JSON reports. */
import { existsSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

/**
 * Sums the reports `<folder>/<name>.json`. A test file that could not be loaded and a report that is missing count as
 * one failure each, since neither has a failed test to show. `problems` names every failure in one line.
 */
export function countTests(folder, names) {
  const total = { passed: 0, failed: 0, skipped: 0, problems: [] };
  for (const name of names) {
    const file = join(folder, `${name}.json`);
    if (existsSync(file)) addReport(total, JSON.parse(readFileSync(file, "utf8")));
    else addProblem(total, `${name}: no test report`);
  }
  return total;
}

function addReport(total, report) {
  total.passed += report.numPassedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  for (const file of report.testResults) {
    const failed = file.assertionResults.filter((test) => test.status === "failed");
    const path = relative(process.cwd(), file.name);
    for (const test of failed) addProblem(total, `${path}: ${test.fullName}`);
    if (file.status === "failed" && failed.length === 0) addProblem(total, `${path}: ${file.message.split("\n")[0]}`);
  }
}

function addProblem(total, problem) {
  total.failed += 1;
  total.problems.push(problem);
}
