import { describe, expect, it } from "vitest";
import { formatNumber, formatPage, formatValue, type Page } from "./page.js";

const page: Page = {
  title: "vae on <digits>",
  lead: 'a "lead"',
  tiles: [{ label: "Test bound", value: "-100.12 nats" }],
  figures: [
    {
      name: "a",
      title: "A",
      caption: "c",
      drawing: { kind: "png", bytes: new Uint8Array([1, 2, 3]), width: 2, height: 2 },
    },
    { name: "b", title: "B", caption: "c", drawing: { kind: "text", texts: ["<b>"] } },
    { name: "c", title: "C", reason: "no & never" },
  ],
  warnings: ["samples <repeat>"],
  metrics: { elbo: { value: -100.123456, stderr: 0.2617, n: 10000, unit: "nats", note: "on x < y" } },
  facts: [{ title: "Model", rows: [["latentDim", "20"]] }],
  commands: ["latentkit train vae --set 'a=<1>'"],
  footer: "end",
};

describe("formatPage", () => {
  const html = formatPage(page);

  it("needs no network and no script", () => {
    expect(html).not.toMatch(/https?:|<script|<link|url\(/);
    expect(html).toContain(`data:image/png;base64,${Buffer.from([1, 2, 3]).toString("base64")}`);
  });

  it("escapes what comes from outside", () => {
    for (const raw of ["<digits>", "<b>", "no & never", "x < y", "'a=<1>'", "<repeat>"])
      expect(html).not.toContain(raw);
    for (const text of [
      "&lt;digits&gt;",
      "<pre>&lt;b&gt;</pre>",
      "Not drawn: no &amp; never",
      "&lt;1&gt;",
      "samples &lt;repeat&gt;",
    ])
      expect(html).toContain(text);
  });

  it("shows value, standard error, unit and size of every metric", () => {
    expect(html).toContain(
      '<td class="number">-100.12</td><td class="number">± 0.26</td><td>nats</td><td class="number">10,000</td>',
    );
  });
});

describe("numbers", () => {
  it.each([
    [-100.123456, 0.2617, "-100.12"],
    [0.00123456, 0.000034, "0.001235"],
    [1234.5, 30, "1235"],
    [5, Number.NaN, "5"],
    [12.25, Number.NaN, "12.250"],
  ])("formatValue(%d, %d) is %s", (value, stderr, text) => expect(formatValue(value, stderr)).toBe(text));

  it.each([
    [0.2617, 2, "0.26"],
    [12345.678, 3, "12346"],
    [0, 3, "0"],
    [Number.NaN, 2, "NaN"],
  ])("formatNumber(%d, %i) is %s", (value, digits, text) => expect(formatNumber(value, digits)).toBe(text));
});
