import { type HostTensor, UserError } from "@latentkit/jit";

/**
 * Refuses values of a model that diverged: they can be neither drawn nor measured.
 *
 * @param what Named in the message, a plural: `samples`.
 * @throws UserError when a value is not finite.
 */
export function checkFinite({ data }: HostTensor, what: string): void {
  if (data.every(Number.isFinite)) return;
  throw new UserError(
    "@latentkit/core",
    `${what} hold values that are not finite; the model diverged, use an earlier checkpoint`,
  );
}
