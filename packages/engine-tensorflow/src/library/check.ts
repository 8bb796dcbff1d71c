import { basename, dirname, join } from "node:path";
import { readBinary, TruncatedError } from "./binary.js";
import { namesIn } from "./cache.js";
import { refusal, SETUP_COMMAND, VARIABLE } from "./refusal.js";

const SYSTEMS: Readonly<Record<string, string>> = { linux: "Linux", darwin: "macOS", win32: "Windows" };

/**
 * Refuses a file that this process cannot load. A library that ends early would not fail cleanly: the system maps it into memory and kills
 * the process on the first touch of a missing page. So this reads its headers first, and those of `libtensorflow_framework` beside it.
 *
 * @throws UserError with the file, what is wrong with it and what to do.
 */
export function checkLibrary(path: string): void {
  for (const file of [path, ...companions(path)]) {
    const problem = problemOf(file);
    if (problem !== undefined) throw refuse(file, problem);
  }
}

/** Libraries that loading this one loads too, from the same folder. */
function companions(path: string): string[] {
  const folder = dirname(path);
  const names = namesIn(folder).filter((name) => /^libtensorflow_framework\.(so\.2|2\.dylib)$/.test(name));
  return names.filter((name) => name !== basename(path)).map((name) => join(folder, name));
}

/** What is wrong with a file, said after its name; undefined when nothing is. */
function problemOf(path: string): string | undefined {
  let file: ReturnType<typeof readBinary>;
  try {
    file = readBinary(path);
  } catch (error) {
    if (error instanceof TruncatedError) return "is truncated: it ends within its headers";
    return unreadable(error as NodeJS.ErrnoException);
  }
  const { bytes, content } = file;
  if (bytes === 0) return "is empty";
  if ("start" in content) return `is no library: ${describeStart(content.start)}`;
  const { platform, arch, isLibrary, neededBytes } = content;
  if (platform !== process.platform)
    return `is for ${SYSTEMS[platform]}, this is ${SYSTEMS[process.platform] ?? process.platform}`;
  if (arch !== process.arch) return `is built for ${arch}, this Node runs on ${process.arch}`;
  if (!isLibrary) return "is a program or an object file, no shared library";
  if (bytes < neededBytes) return `is truncated: it has ${bytes} of ${neededBytes} bytes`;
  return undefined;
}

function unreadable({ code, message }: NodeJS.ErrnoException): string {
  if (code === "ENOENT") return "does not exist";
  if (code === "EACCES" || code === "EPERM") return "may not be read by this user";
  if (code === "EISDIR") return "is a folder";
  return `cannot be read (${message})`;
}

function describeStart(start: Buffer): string {
  const text = start.toString("latin1");
  if (/^\s*<(!doctype|html|\?xml)/i.test(text)) return "it holds a web page, perhaps a failed download's message";
  if (text.startsWith("version https://git-lfs")) return "it is a Git LFS pointer, not the file itself";
  if (text.startsWith("PK")) return "it is a zip archive or a wheel; give the library that is inside";
  if (text.startsWith("\u001f\u008b")) return "it is a compressed archive; give the library that is inside";
  return "its first bytes are those of no library";
}

const refuse = (path: string, problem: string): Error =>
  refusal(
    `${path} ${problem}; run \`${SETUP_COMMAND}\`, or set ${VARIABLE} to a whole library for ${process.platform} ${process.arch}`,
  );
