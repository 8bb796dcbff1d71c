import { type HostTensor, type Split, UserError } from "@latentkit/core";

/** Examples looked at. */
const LOOKED_AT = 256;

/**
 * Refuses data of which nothing can be learned: a single example, or examples that are all the same.
 *
 * @throws UserError saying which.
 */
export function checkData(train: Split): void {
  if (train.size < 2) {
    throw new UserError(
      "@latentkit/gan",
      `data must have at least 2 examples, got ${train.size}: a GAN learns how examples differ; add more`,
    );
  }
  const count = Math.min(train.size, LOOKED_AT);
  const spread = Array.from({ length: count }, (_, i) => Math.floor((i * train.size) / count));
  const { data } = train.gather(spread).x as HostTensor;
  const width = data.length / count;
  const differs = data.some((value, i) => value !== data[i % width]);
  if (differs) return;
  const constant = data.every((value) => value === data[0]);
  throw new UserError(
    "@latentkit/gan",
    `data must differ from example to example, but ${count} of ${train.size} looked at are the same${constant ? `, every value ${data[0]}` : ""}; check how they were made`,
  );
}
