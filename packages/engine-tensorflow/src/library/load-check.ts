import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { checkLibrary } from "./check.js";
import { KEEP_LOADED } from "./keep-loaded.js";
import { refusal } from "./refusal.js";

/** What a library says when it is loaded. */
export interface LoadReport {
  /** `TF_Version()`. */
  readonly version: string;
  /** An NVIDIA driver is installed: `libcuda` can be loaded. */
  readonly driver: boolean;
}

/** Runs in a process of its own, so a library that brings the process down takes only that one with it. */
const SCRIPT = `
const koffi = require(process.argv[1]);
const [path, flags] = process.argv.slice(2);
const version = koffi.load(path).func("const char *TF_Version()")();
if (process.platform !== "win32") koffi.load(null).func("void *dlopen(const char *, int)")(path, Number(flags));
let driver = true;
try { koffi.load(process.platform === "win32" ? "nvcuda.dll" : "libcuda.so.1"); } catch { driver = false; }
process.stdout.write(JSON.stringify({ version, driver }));
`;

/**
 * Loads a library in a child process.
 *
 * @param advice What to do when it cannot be loaded.
 * @throws UserError when it cannot be loaded, or ends the process.
 */
export async function loadReport(path: string, advice?: string): Promise<LoadReport> {
  checkLibrary(path);
  const koffi = createRequire(import.meta.url).resolve("koffi");
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: "3" };
    execFile(
      process.execPath,
      ["-e", SCRIPT, koffi, path, String(KEEP_LOADED)],
      { env, timeout: 120_000 },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout) as LoadReport);
        else {
          const reason = `${path} cannot be loaded: ${describe(error, stderr)}`;
          reject(refusal(advice === undefined ? reason : `${reason}; ${advice}`, error));
        }
      },
    );
  });
}

function describe({ signal }: { signal?: NodeJS.Signals | null | undefined }, stderr: string): string {
  if (signal === "SIGILL") return "this processor lacks instructions that it was compiled for (AVX)";
  if (signal) return `loading it ended the process with ${signal}`;
  const line = stderr.split("\n").find((candidate) => /^\w*Error: /.test(candidate)) ?? "no reason given";
  const missing = /Cannot find function '(\w+)'/.exec(line)?.[1];
  if (missing !== undefined) return `it has no function ${missing}, so it is no TensorFlow C library`;
  return line.replace(/^\w*Error: /, "").replace(/^Failed to load shared library: /, "");
}
