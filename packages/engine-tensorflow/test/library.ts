import { findLibrary } from "@latentkit/engine-tensorflow";

/** Why tests that compute are skipped here; in CI they are not skipped, they fail. */
export const noLibrary =
  findLibrary() === undefined && process.env.CI === undefined
    ? "TensorFlow's library is not installed here; latentkit setup tensorflow"
    : undefined;
