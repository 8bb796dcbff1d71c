export { toOnnx } from "./export.js";
export { type OnnxOptions, onnx } from "./runtime/onnx.js";
