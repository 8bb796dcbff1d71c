import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { formatBytes, SetupLine } from "./progress.js";

beforeEach(() => {
  for (const name of ["NO_COLOR", "FORCE_COLOR"]) vi.stubEnv(name, undefined);
  vi.stubEnv("TERM", "xterm");
});
afterEach(() => vi.unstubAllEnvs());

function line(isTTY: boolean, columns = 80) {
  let written = "";
  let now = 0;
  const stream = {
    isTTY,
    columns,
    write: (text: string) => {
      written += text;
    },
  };
  return { setup: new SetupLine(stream, () => now), text: () => written, pass: (ms: number) => (now += ms) };
}

it("without a terminal, a line for each thing and one every five seconds", () => {
  const { setup, text, pass } = line(false);
  const download = { stage: "download", what: "tensorflow-cpu" } as const;
  setup.update({ ...download, bytes: 0 });
  setup.update({ ...download, bytes: 5e6, total: 271e6 });
  pass(5000);
  setup.update({ ...download, bytes: 122e6, total: 271e6 });
  setup.update({ stage: "unpack", what: "a.whl", bytes: 854e6, total: 853e6 });
  setup.update({ stage: "check", what: "libtensorflow_cc.so.2", bytes: 0 });
  setup.stop();
  expect(text()).toBe(`downloading tensorflow-cpu
downloading tensorflow-cpu  45%  122 MB of 271 MB
unpacking a.whl  100%  853 MB of 853 MB
loading libtensorflow_cc.so.2
`);
});

it("in a terminal, one line that fits and goes away", () => {
  for (const columns of [120, 60, 20]) {
    const { setup, text } = line(true, columns);
    setup.update({ stage: "unpack", what: "nvidia_cublas_cu12.whl", bytes: 1e9, total: 5.67e9 });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with one
    const drawn = text().replace(/\u001b\[[0-9;]*[mJ]|\r/g, "");
    expect(drawn.length).toBeLessThan(columns);
    expect(drawn).toContain("unpacking nvidia");
    expect(drawn.includes("━")).toBe(columns > 80);
    if (columns > 20) expect(drawn).toContain("17%  1.00 GB of 5.67 GB");
    setup.stop();
    expect(text().endsWith("\r\u001b[J")).toBe(true);
  }
});

it("formats sizes", () => {
  expect([853_787_275, 5_674_711_608, 400_000].map(formatBytes)).toEqual(["854 MB", "5.67 GB", "0 MB"]);
});
