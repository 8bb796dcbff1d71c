import { type HostTensor, UserError } from "@latentkit/jit";

/**
 * Refuses values of a model that diverged: they can be neither drawn nor measured.
 *
 * @param what Named in the message, a plural: `samples`.
 * @throws UserError when a value is not finite.
 */
export function checkFinite({ data, shape: [n = 1] }: HostTensor, what: string): void {
  if (data.every(Number.isFinite)) return;
  const width = data.length / n;
  const bad = Array.from({ length: n }).filter(
    (_, i) => !data.subarray(i * width, (i + 1) * width).every(Number.isFinite),
  );
  throw new UserError(
    "@latentkit/core",
    `${what} hold values that are not finite, ${bad.length} of ${n}; the model diverged, use an earlier checkpoint`,
  );
}
