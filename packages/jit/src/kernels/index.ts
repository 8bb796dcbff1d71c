import "./convolution.js";
import "./creation.js";
import "./elementwise.js";
import "./image.js";
import "./indexing.js";
import "./layout.js";
import "./normalization.js";
import "./pooling.js";
import "./reduction.js";
import "./repair-cpu.js";

export { type Infer, type InputSpecs, inferences, registerInference } from "./symbolic.js";
