import "./convolution.js";
import "./elementwise.js";
import "./indexing.js";
import "./layout.js";
import "./matmul.js";
import "./normalization.js";
import "./pooling.js";
import "./reduction.js";
import "./resize.js";

export type { Precision } from "./builder.js";
export { COMPOSITES } from "./composites.js";
export type { StatePart } from "./join-updates.js";
export { LOWERINGS, type LoweredGraph, type Lowering, lowerGraph } from "./lower.js";
export { loweredKernels } from "./registry.js";
