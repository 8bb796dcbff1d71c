import { UserError } from "@latentkit/core";
import { actnorm } from "../transforms/actnorm.js";
import { causalTransformer } from "../transforms/causal-transformer.js";
import { chain, repeat } from "../transforms/chain.js";
import { patches } from "../transforms/patches.js";
import { flattened } from "../transforms/squeeze.js";
import { type Architecture, sizeOfShape } from "./architecture.js";

/**
 * Blocks of causal transformers over patches, each block in the opposite order.
 * Zhai et al., "Normalizing flows are capable generative models", 2024. https://arxiv.org/abs/2412.06329
 *
 * @throws UserError when the patches do not tile the image, or the heads do not divide the width.
 */
export const tarflow: Architecture = ({ layers: n = 4, width = 128, depth = 4, heads, patch }, shape) => {
  const isImage = shape.length === 3;
  const [H, W, C] = shape as [number, number, number];
  if (isImage && (H % patch !== 0 || W % patch !== 0)) {
    throw new UserError(
      "@latentkit/flow",
      `patch must divide height and width, got ${patch} for ${H}x${W} pixels; set patch to a common divisor`,
    );
  }
  if (width % heads !== 0) {
    throw new UserError("@latentkit/flow", `heads must divide width ${width}, got ${heads}; choose another number`);
  }
  const features = isImage ? patch * patch * C : 1;
  const tokens = sizeOfShape(shape) / features;
  return chain({
    patches: patches(shape, patch),
    norm: actnorm(),
    blocks: repeat(n, causalTransformer({ tokens, width, layers: depth, heads })),
    flat: flattened([tokens, features]),
  });
};
