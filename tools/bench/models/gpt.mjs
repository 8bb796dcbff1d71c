import { fold, gelu, nn, scaledDotProductAttention, softmaxCrossEntropy } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { integers } from "./host-values.mjs";

/** Projections have no bias; those that end a residual branch begin smaller. Radford et al., 2019, §2.3. */
const projection = (std) => ({ bias: false, kernelInit: nn.normalInit(std) });

function blockInit(key, { nLayer, nEmbd }) {
  const residual = projection(0.02 / Math.sqrt(2 * nLayer));
  return {
    norm1: nn.layerNormInit(nEmbd),
    qkv: nn.linearInit(fold(key, "qkv"), nEmbd, 3 * nEmbd, projection(0.02)),
    output: nn.linearInit(fold(key, "output"), nEmbd, nEmbd, residual),
    norm2: nn.layerNormInit(nEmbd),
    expand: nn.linearInit(fold(key, "expand"), nEmbd, 4 * nEmbd, projection(0.02)),
    contract: nn.linearInit(fold(key, "contract"), 4 * nEmbd, nEmbd, residual),
  };
}

/** Causal self-attention with one product for queries, keys and values. @param x Shape `(B, T, C)`. */
function attend(params, x, nHead) {
  const [B, T, C] = x.shape;
  const heads = (part) => tf.transpose(tf.reshape(part, [B, T, nHead, C / nHead]), [0, 2, 1, 3]); // (B, H, T, C/H)
  const [q, k, v] = tf.split(nn.linear(params.qkv, x), 3, 2).map(heads);
  const y = scaledDotProductAttention(q, k, v, { causal: true });
  return nn.linear(params.output, tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [B, T, C]));
}

function block(params, x, nHead) {
  const attended = tf.add(x, attend(params, nn.layerNorm(params.norm1, x), nHead));
  const wide = gelu(nn.linear(params.expand, nn.layerNorm(params.norm2, attended)));
  return tf.add(attended, nn.linear(params.contract, wide));
}

/** A decoder-only transformer, layer norms first, output tied to the token embedding. Radford et al., 2019; the sizes are nanoGPT's. */
export function gptStep({ batchSize = 12, blockSize = 64, nLayer = 4, nHead = 4, nEmbd = 128, vocabSize = 65 } = {}) {
  const names = Array.from({ length: nLayer }, (_, i) => `block${i}`);
  const logits = ({ transformer }, tokens) => {
    let h = tf.add(nn.embedding(transformer.tokens, tokens), transformer.positions.embedding); // (B, T, C)
    for (const name of names) h = block(transformer[name], h, nHead);
    const flat = tf.reshape(nn.layerNorm(transformer.norm, h), [batchSize * blockSize, nEmbd]);
    return tf.matMul(flat, transformer.tokens.embedding, false, true); // (B T, vocabSize)
  };
  const init = (key) => ({
    tokens: nn.embeddingInit(fold(key, "tokens"), vocabSize, nEmbd),
    positions: nn.embeddingInit(fold(key, "positions"), blockSize, nEmbd),
    ...Object.fromEntries(names.map((name) => [name, blockInit(fold(key, name), { nLayer, nEmbd })])),
    norm: nn.layerNormInit(nEmbd),
  });
  const objective = {
    name: "nll",
    trains: ["transformer"],
    loss: (params, _state, { x, targets }) => ({
      loss: tf.mean(softmaxCrossEntropy(logits(params, x), tf.reshape(targets, [batchSize * blockSize]))),
    }),
  };
  return {
    model: { init: (key) => ({ params: { transformer: init(key) }, state: {} }), objectives: [objective] },
    batch: {
      x: integers("tokens", [batchSize, blockSize], vocabSize),
      targets: integers("targets", [batchSize, blockSize], vocabSize),
    },
    optimizer: { name: "adamw", learningRate: 1e-3, weightDecay: 0.01 },
    noise: {},
  };
}
