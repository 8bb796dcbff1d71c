/**
 * A mistake of the user: bad option, bad file, bad value. Programs print `message` alone (no stack) and exit with code 1.
 *
 * The message is one line: package, option, value, what to do.
 */
export class UserError extends Error {
  override readonly name = "UserError";
  /** Package that refuses, e.g. `@latentkit/vae`. */
  readonly package: string;

  /** @param message Without the package's name, which is put before it. */
  constructor(packageName: string, message: string, options?: ErrorOptions) {
    super(`${packageName}: ${message}`, options);
    this.package = packageName;
  }
}

/** The model function did something that cannot be recorded; the message names the user's line and what to write instead. */
export class TraceError extends Error {
  override readonly name = "TraceError";
}

/** An engine cannot run a kernel of the graph; the message names kernel, engine and the line that called it. */
export class UnsupportedKernelError extends Error {
  override readonly name = "UnsupportedKernelError";

  constructor(
    readonly engine: string,
    readonly kernel: string,
    readonly site: string,
    detail = "",
  ) {
    super(`engine ${engine}: kernel ${kernel} is not supported${detail ? ` (${detail})` : ""}; called at ${site}`);
  }
}
