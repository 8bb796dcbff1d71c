/** Flags that say how to print, not what to do. */
const PRESENTATION = new Set(["--json", "--debug", "--overwrite"]);

/** A command as it can be pasted into a shell. */
export function commandLine(name: string, args: readonly string[]): string {
  const shown = args.filter((arg) => !PRESENTATION.has(arg)).map(quote);
  return ["latentkit", name, ...shown].join(" ");
}

/** POSIX quoting where it is needed. */
function quote(arg: string): string {
  return /^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", "'\\''")}'`;
}
