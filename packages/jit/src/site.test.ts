import { describe, expect, it } from "vitest";
import { siteIn, stackFrames, userSite } from "./site.js";

const lineOf = (site: string): number => Number(/site\.test\.ts:(\d+):\d+$/.exec(site)?.[1]);

describe("userSite", () => {
  it("names the line that called, seen before or not", () => {
    const sites = Array.from({ length: 3 }, () => [userSite(), lineOf(siteIn(new Error().stack))] as const);
    for (const [site, line] of sites) expect(lineOf(site)).toBe(line);
  });

  it("tells lines apart, and calls within a line", () => {
    const first = userSite();
    const [second, third] = [userSite(), userSite()];
    expect(lineOf(second)).toBe(lineOf(first) + 1);
    expect(third).not.toBe(second);
  });

  it("leaves errors as they were", () => {
    const before = [Error.stackTraceLimit, Error.prepareStackTrace];
    expect(stackFrames()?.[1]?.getFileName()).toContain("site.test.ts");
    expect([Error.stackTraceLimit, Error.prepareStackTrace]).toEqual(before);
    expect(new Error("plain").stack).toMatch(/^Error: plain\n\s+at /);
  });
});
