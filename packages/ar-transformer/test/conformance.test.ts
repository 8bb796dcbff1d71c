import { testPlugin } from "@latentkit/core/testing";
import { onnx } from "@latentkit/engine-onnx";
import { arTransformerPlugin } from "../src/plugin.js";

const TINY = { nLayer: 2, nHead: 2, nEmbd: 16 };

testPlugin(arTransformerPlugin, {
  engine: onnx,
  cases: [
    { name: "text", config: TINY, datum: { kind: "tokens", shape: [9], vocabulary: 7, context: 1 } },
    {
      name: "documents with the modern block",
      config: { ...TINY, block: "modern", nKvHead: 1, dropout: 0.1 },
      datum: { kind: "tokens", shape: [6], vocabulary: 7, special: { eos: 6 } },
    },
    {
      name: "pairs",
      config: { ...TINY, labelSmoothing: 0.1 },
      datum: {
        kind: "pairs",
        shape: [6],
        target: [5],
        vocabulary: 9,
        special: { pad: 0, bos: 1, eos: 2 },
      },
      train: { optimizer: { name: "adam", schedule: "constant", learningRate: 3e-3 } },
    },
    {
      name: "gray images",
      config: TINY,
      datum: { kind: "continuous", shape: [3, 3, 1], range: [0, 1], levels: 4 },
    },
    {
      name: "colour images in a palette",
      config: { ...TINY, palette: 5 },
      datum: { kind: "continuous", shape: [2, 3, 3], range: [0, 1], levels: 256 },
    },
  ],
});
