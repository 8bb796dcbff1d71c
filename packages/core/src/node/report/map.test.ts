import { hostKey, philoxNormal } from "@latentkit/jit";
import { describe, expect, it } from "vitest";
import { neighbourAgreement, sideBySide } from "./map.js";
import { principalComponents } from "./pca.js";

describe("neighbourAgreement", () => {
  const noise = philoxNormal(hostKey(0, "map"), 400);
  const cloud = (gap: number) =>
    Array.from(
      { length: 200 },
      (_, i) => [gap * (i % 2) + (noise[2 * i] as number), noise[2 * i + 1] as number] as const,
    );
  const labels = Array.from({ length: 200 }, (_, i) => i % 2);

  it("is one for classes far apart, and a guess for classes in one place", () => {
    expect(neighbourAgreement(cloud(20), labels)).toEqual({ value: 1, stderr: 0 });
    expect(Math.abs(neighbourAgreement(cloud(0), labels).value - 0.5)).toBeLessThan(0.15);
  });
});

describe("principalComponents of many dimensions", () => {
  it("are those of the exact method", () => {
    const [n, d] = [150, 90];
    const noise = philoxNormal(hostKey(0, "rows"), n * d);
    const scale = (j: number) => (j === 3 ? 6 : j === 70 ? 4 : 1); // the plane is nearly that of the axes 3 and 70
    const rows = Array.from({ length: n }, (_, i) =>
      Array.from({ length: d }, (_, j) => 10 + scale(j) * (noise[i * d + j] as number)),
    );
    const { points, explained } = principalComponents(rows);
    const total = rows[0]?.map((_, j) => variance(rows.map((row) => row[j] as number))).reduce((a, b) => a + b, 0) ?? 0;
    const along = (k: 0 | 1) => variance(points.map((point) => point[k])) / total;
    expect(along(0)).toBeCloseTo(explained[0], 9);
    expect(along(1)).toBeCloseTo(explained[1], 9);
    const correlation = points.reduce((sum, [a, b]) => sum + a * b, 0);
    expect(Math.abs(correlation)).toBeLessThan(1e-4); // the axes are eigenvectors, not any pair in the plane
    expect(explained[0]).toBeGreaterThan(variance(rows.map((row) => row[3] as number)) / total); // no axis has more
  });
});

const variance = (values: readonly number[]): number => {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  return values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
};

describe("sideBySide", () => {
  it("keeps the names of both drawings apart", () => {
    const drawing = (width: number) =>
      `<svg width="${width}" height="50"><clipPath id="clip1"/><g clip-path="url(#clip1)"/></svg>`;
    const svg = sideBySide(drawing(100), drawing(80));
    expect(svg).toMatch(/^<svg [^>]*width="180" height="50"/);
    expect(svg).toContain("url(#left-clip1)");
    expect(svg).toContain('<svg x="100" width="80"');
    expect(svg).toContain('id="right-clip1"');
  });
});
