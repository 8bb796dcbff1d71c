import { like, registerAll } from "./rules.js";
import { registerInference } from "./symbolic.js";

registerAll(["FusedBatchNorm", "LRN", "LRNGrad"], like("x"));
registerInference("Softmax", like("logits", "float32"));
