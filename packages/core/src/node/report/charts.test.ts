import { describe, expect, it } from "vitest";
import { PAPER, themedSvg } from "./chart.js";
import { lineChart, scatterChart } from "./charts.js";

describe("scatterChart", () => {
  const dots = Array.from({ length: 3000 }, (_, i) => ({
    x: Math.cos(i) * (1 + (i % 7)),
    y: Math.sin(i),
    group: `class ${i % 3}`,
  }));
  const options = { xTitle: "left < right", yTitle: "up", groups: ["class 0", "class 1", "class 2"] };

  it("draws every point, in a fraction of the bytes that a path a point would need", async () => {
    const svg = await scatterChart(dots, options);
    expect(svg.match(/M-?[\d.]+ -?[\d.]+h0/g)).toHaveLength(3000);
    expect(svg.length).toBeLessThan(3000 * 30);
    for (const text of ["left &lt; right", "class 2"]) expect(svg).toContain(text);
  });

  it("draws few points one by one", async () => {
    const svg = await scatterChart(dots.slice(0, 20), options);
    expect(svg.match(/<path transform="translate[^>]*opacity="0.85"/g)).toHaveLength(20);
  });
});

describe("lineChart", () => {
  it("leaves the fall of the first steps out of the y axis, and values that are not finite", async () => {
    const points = Array.from({ length: 200 }, (_, i) => [i, i < 3 ? 1e6 : 100 - i / 10] as const);
    const svg = await lineChart([{ name: "train", points: [...points, [200, Number.NaN]] }], {
      xTitle: "step",
      yTitle: "loss",
      clip: true,
    });
    expect(svg).toContain(">100<");
    expect(svg).not.toContain("NaN");
    expect(svg).not.toMatch(/>[\d,]{7,}</);
  });
});

describe("lineChart of a curve that turns back", () => {
  it("joins the points in their order, not by x", async () => {
    const turn = [
      [0, 0],
      [2, 1],
      [1, 2],
    ] as const;
    const svg = await lineChart([{ name: "turn", points: turn }], {
      xTitle: "x",
      yTitle: "y",
      width: 200,
      height: 100,
    });
    expect(svg).toContain('d="M0,100L200,50L100,0"');
  });
});

describe("themedSvg", () => {
  it("replaces the colours of the theme by variables and the size by a limit", async () => {
    const svg = themedSvg(
      await lineChart(
        [
          {
            name: "a",
            points: [
              [0, 1],
              [1, 2],
            ],
          },
        ],
        { xTitle: "x", yTitle: "y" },
      ),
      "loss",
    );
    expect(svg).toContain("var(--paper)");
    expect(svg).not.toContain(PAPER);
    expect(svg).toMatch(/^<svg[^>]* style="max-width:[\d.]+px"/);
    expect(svg).toContain("viewBox");
  });
});
