import "./composites.js";
import "./convolution.js";
import "./elementwise.js";
import "./indexing.js";
import "./layout.js";
import "./matmul.js";
import "./normalization.js";
import "./pooling.js";
import "./reduction.js";
import "./resize.js";

export { COMPOSITES, PORTABLE_COMPOSITES } from "./composites.js";
export { type LoweredGraph, lowerGraph } from "./lower.js";
export { loweredKernels } from "./registry.js";
