import { readFileSync } from "node:fs";

/** What TensorFlow's kernels choose their code by, as the kernel of Linux names it. */
const OF_INTEREST = ["avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "sve", "bf16"];

/** Vector instructions of this processor, `avx avx2 fma avx512f`; undefined where the system does not tell. */
export function cpuFeatures(cpuinfo: () => string = () => readFileSync("/proc/cpuinfo", "utf8")): string | undefined {
  try {
    const [, list = ""] = /^(?:flags|Features)\s*:\s*(.*)$/m.exec(cpuinfo()) ?? [];
    const all = new Set(list.split(/\s+/));
    return OF_INTEREST.filter((feature) => all.has(feature)).join(" ") || undefined;
  } catch {
    return undefined; // no Linux
  }
}
