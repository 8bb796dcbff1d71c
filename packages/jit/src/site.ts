const INTERNAL =
  /node_modules[\\/](\.pnpm[\\/])?@?tensorflow|[\\/]packages[\\/]jit[\\/](src|dist)[\\/](?!.*\.test\.)|@latentkit[\\/]jit[\\/]dist|node:internal/;

/**
 * The first stack frame outside tfjs-core and this package, as `file:line:column`: the user's line that led here.
 *
 * @param stack Text of an error's stack; the present one when absent.
 */
export function userSite(stack: string | undefined = new Error().stack): string {
  const frames = (stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
  const frame = frames.find((line) => !INTERNAL.test(line) && !line.includes("<anonymous>"));
  return frame === undefined
    ? ""
    : (/\(?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(frame.trim())?.[1] ?? "").replace("file://", "");
}
