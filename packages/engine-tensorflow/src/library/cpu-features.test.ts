import { expect, it } from "vitest";
import { cpuFeatures } from "./cpu-features.js";

it("reads the vector instructions of x64 and arm64", () => {
  const x64 = "processor\t: 0\nflags\t\t: fpu sse2 fma avx avx2 amx_bf16 avx512f avx512_bf16\nbugs\t\t: spectre\n";
  expect(cpuFeatures(() => x64)).toBe("avx avx2 fma avx512f avx512_bf16 amx_bf16");
  expect(cpuFeatures(() => "Features\t: fp asimd sve bf16 i8mm\n")).toBe("asimd sve bf16");
});

it("says nothing where nothing is known", () => {
  expect(cpuFeatures(() => "flags : fpu\n")).toBeUndefined();
  expect(
    cpuFeatures(() => {
      throw new Error("ENOENT");
    }),
  ).toBeUndefined();
});
