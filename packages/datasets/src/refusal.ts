import { UserError } from "@latentkit/core";

/** A {@link UserError} of this package, to be thrown. */
export function refusal(message: string, cause?: unknown): UserError {
  return new UserError("@latentkit/datasets", message, cause === undefined ? undefined : { cause });
}
