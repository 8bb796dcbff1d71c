import "../kernels/repair-cpu.js";
import "./arithmetic.js";
import "./structure.js";
import "./activation.js";
import "./batch-norm.js";
import "./convolution.js";
import "./elementwise.js";
import "./indexing.js";
import "./layout.js";
import "./matmul.js";
import "./pooling.js";
import "./reduction.js";
import "./resize.js";
import "./zero.js";

export { stopGradient } from "./stop-gradient.js";
