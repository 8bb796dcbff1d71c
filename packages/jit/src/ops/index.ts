export { gelu, silu } from "./activation.js";
export { type AttentionOptions, causalBias, scaledDotProductAttention } from "./attention.js";
export { sigmoidCrossEntropy, softmaxCrossEntropy } from "./cross-entropy.js";
export { batchNorm, groupNorm, layerNorm, rmsNorm } from "./norm.js";
export { type AdamScalars, adamUpdate, dynamicUpdateSlice } from "./update.js";
