export {
  type AttentionInitOptions,
  type AttentionOptions,
  type AttentionParams,
  multiHeadAttention,
  multiHeadAttentionInit,
} from "./attention.js";
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv2d,
  conv2dInit,
  convTranspose2d,
  convTranspose2dInit,
  depthwiseConv2d,
  depthwiseConv2dInit,
  type Size,
} from "./conv.js";
export { dropout } from "./dropout.js";
export {
  type EmbeddingParams,
  embedding,
  embeddingInit,
  sinusoidalEmbedding,
  sinusoidalPositions,
} from "./embedding.js";
export {
  type Fans,
  glorotNormal,
  glorotUniform,
  heNormal,
  heUniform,
  type Initializer,
  normalInit,
  ones,
  orthogonal,
  torchUniform,
  truncatedNormalInit,
  uniformInit,
  zeros,
} from "./init.js";
export {
  type KernelOptions,
  type KernelParams,
  linear,
  linearInit,
  type MlpParams,
  mlp,
  mlpInit,
  residual,
} from "./linear.js";
export {
  type BatchNormOptions,
  type BatchNormState,
  batchNorm,
  batchNormInit,
  groupNorm,
  groupNormInit,
  layerNorm,
  layerNormInit,
  type NormParams,
  rmsNorm,
  rmsNormInit,
} from "./norm.js";
