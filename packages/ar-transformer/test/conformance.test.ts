import { testPlugin } from "@latentkit/core/testing";
import { arTransformerPlugin } from "../src/plugin.js";

const TINY = { nLayer: 1, nHead: 2, nEmbd: 8 };

testPlugin(arTransformerPlugin, {
  cases: [
    {
      name: "documents with the modern block",
      config: { ...TINY, block: "modern", nKvHead: 1, dropout: 0.1 },
      datum: { kind: "tokens", shape: [4], vocabulary: 7, special: { eos: 6 } },
    },
    {
      name: "pairs",
      config: { ...TINY, labelSmoothing: 0.1 },
      datum: {
        kind: "pairs",
        shape: [4],
        target: [3],
        vocabulary: 9,
        special: { pad: 0, bos: 1, eos: 2 },
      },
      train: { optimizer: { name: "adam", schedule: "constant", learningRate: 3e-3 } },
    },
    {
      name: "colour images in a palette",
      config: { ...TINY, palette: 5 },
      datum: { kind: "continuous", shape: [2, 3, 3], range: [0, 1], levels: 256 },
    },
  ],
});
