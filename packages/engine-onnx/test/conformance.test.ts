import { testEngine } from "@latentkit/jit/testing";
import { onnx } from "../src/index.js";

testEngine({ name: "onnx", create: () => onnx() });
