const INTERNAL =
  /node_modules[\\/](\.pnpm[\\/])?@?tensorflow|[\\/]packages[\\/]jit[\\/](src|dist)[\\/](?!.*\.test\.)|@latentkit[\\/]jit[\\/]dist|node:internal/;

/** Sites by the place in the file that runs. The text of a stack costs far more than its frames, above all where source maps are read for it. */
const known = new Map<string, string>();

/** Frames within which the user's is, except in gradients and composites. */
const NEAR = 16;

/** The first stack frame outside tfjs-core and this package, as `file:line:column`: the user's line that led here. */
export function userSite(): string {
  const frame = stackFrames(NEAR)?.find(isUsers) ?? stackFrames()?.find(isUsers);
  if (frame === undefined) return siteIn(new Error().stack);
  const place = `${frame.getFileName()}:${frame.getLineNumber()}:${frame.getColumnNumber()}`;
  const site = known.get(place) ?? siteIn(new Error().stack);
  known.set(place, site);
  return site;
}

/** {@link userSite} of an error that was thrown, from the text of its stack. */
export function siteIn(stack = ""): string {
  const frames = stack.split("\n").filter((line) => line.trimStart().startsWith("at "));
  const frame = frames.find((line) => !INTERNAL.test(line) && !line.includes("<anonymous>"));
  return frame === undefined
    ? ""
    : (/\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(frame.trim())?.[1] ?? "").replace("file://", "");
}

/** The present stack, innermost frame first; undefined where the runtime gives no frames but text (all but V8). */
export function stackFrames(limit = Error.stackTraceLimit): readonly NodeJS.CallSite[] | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.stackTraceLimit = limit;
  Error.prepareStackTrace = (_error, frames) => frames;
  const { stack } = new Error() as { stack?: unknown };
  Error.prepareStackTrace = prepareStackTrace as typeof Error.prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  return Array.isArray(stack) ? stack : undefined;
}

function isUsers(frame: NodeJS.CallSite): boolean {
  const file = frame.getFileName();
  return file != null && !INTERNAL.test(file);
}
