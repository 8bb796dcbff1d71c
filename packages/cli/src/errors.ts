/** Exit codes of the command line. */
export const EXIT = { ok: 0, mistake: 1, usage: 2, interrupted: 130 } as const;

/** Flags that do not exist, lack their value, or contradict each other: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Everything was saved after Ctrl-C: exit code 130. */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
}

/** What a failed command prints (without colours) and the code it ends with. */
export interface Failure {
  readonly message: string;
  readonly code: number;
}

/** Errors known by name, not by class: a plugin may bring its own copy of a package. */
const EXPECTED: Readonly<Record<string, number>> = {
  UserError: EXIT.mistake,
  TraceError: EXIT.mistake,
  UnsupportedKernelError: EXIT.mistake,
  UsageError: EXIT.usage,
  InterruptedError: EXIT.interrupted,
};

/** One line for an error; the stack instead when `debug`. */
export function describeFailure(error: unknown, debug: boolean): Failure {
  const { name = "", message = String(error), stack = message } = (error ?? {}) as Partial<Error>;
  const code = EXPECTED[name];
  if (debug && name !== "InterruptedError") return { message: withCauses(error, stack), code: code ?? EXIT.mistake };
  if (code !== undefined) return { message: oneLine(message), code };
  return {
    message: `internal error: ${oneLine(message)}; run the same command with --debug to see where, and report it`,
    code: EXIT.mistake,
  };
}

/** Commander's complaints, as one line that says what to do. */
export function describeUsage(message: string, command: string): string {
  const text = oneLine(message.replace(/^error: /, "")).replace(/\(Did you mean (.*?)\?\)/, '(did you mean "$1"?)');
  return `${text}; see ${command} --help`;
}

function withCauses(error: unknown, stack: string): string {
  const { cause } = (error ?? {}) as Partial<Error>;
  return cause instanceof Error ? `${stack}\ncaused by: ${withCauses(cause, cause.stack ?? cause.message)}` : stack;
}

const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*/g, " ");
