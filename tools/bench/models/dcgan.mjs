import { fold, nn, normal } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { normals } from "./host-values.mjs";

const KERNEL = 4;
const STRIDE = 2;
/** Normal with deviation 0.02. Radford et al., 2015, §4. */
const small = { kernelInit: nn.normalInit(0.02) };

/** Sizes of the networks: `channels` of the two convolutions, `top` is height and width of the smallest feature map. */
const DEFAULTS = { batchSize: 64, size: 28, latentDim: 64, channels: [64, 128] };

function init(key, { size, latentDim, channels: [c1, c2] }) {
  const top = size / STRIDE ** 2;
  const at = (name) => fold(key, name);
  const [norm1, norm2, norm] = [nn.batchNormInit(top * top * c2), nn.batchNormInit(c1), nn.batchNormInit(c2)];
  return {
    params: {
      generator: {
        dense: nn.linearInit(at("dense"), latentDim, top * top * c2, small),
        norm1: norm1.params,
        up1: nn.convTranspose2dInit(at("up1"), c2, c1, KERNEL, small),
        norm2: norm2.params,
        up2: nn.convTranspose2dInit(at("up2"), c1, 1, KERNEL, small),
      },
      discriminator: {
        down1: nn.conv2dInit(at("down1"), 1, c1, KERNEL, small),
        down2: nn.conv2dInit(at("down2"), c1, c2, KERNEL, small),
        norm: norm.params,
        dense: nn.linearInit(at("score"), top * top * c2, 1, small),
      },
    },
    state: { generator: { norm1: norm1.state, norm2: norm2.state }, discriminator: { norm: norm.state } },
  };
}

/** Pictures of latents. @param z Shape `(B, latentDim)`. @returns `y` of shape `(B, H, W, 1)` in [-1, 1], and the next state. */
function generate(params, state, z, { size, channels: [, c2] }) {
  const top = size / STRIDE ** 2;
  const first = nn.batchNorm(params.norm1, state.norm1, nn.linear(params.dense, z), { training: true });
  const map = tf.reshape(tf.relu(first.y), [z.shape[0], top, top, c2]);
  const up = nn.convTranspose2d(params.up1, map, { stride: STRIDE });
  const second = nn.batchNorm(params.norm2, state.norm2, up, { training: true });
  const y = tf.tanh(nn.convTranspose2d(params.up2, tf.relu(second.y), { stride: STRIDE }));
  return { y, state: { norm1: first.state, norm2: second.state } };
}

/** Logits that pictures are real. @param x Shape `(B, H, W, 1)`. @returns `logits` of shape `(B, 1)`, and the next state. */
function discriminate(params, state, x) {
  const h = tf.leakyRelu(nn.conv2d(params.down1, x, { stride: STRIDE }), 0.2);
  const { y, state: norm } = nn.batchNorm(params.norm, state.norm, nn.conv2d(params.down2, h, { stride: STRIDE }), {
    training: true,
  });
  const flat = tf.reshape(tf.leakyRelu(y, 0.2), [x.shape[0], y.size / x.shape[0]]);
  return { logits: nn.linear(params.dense, flat), state: { norm } };
}

/**
 * A deep convolutional GAN and both of its updates, non-saturating losses.
 * Radford et al., 2015, §3 https://arxiv.org/abs/1511.06434; Goodfellow et al., 2014, §3 https://arxiv.org/abs/1406.2661
 */
export function dcganStep(sizes = {}) {
  const options = { ...DEFAULTS, ...sizes };
  const { batchSize, size, latentDim } = options;
  const draw = (params, state, key) =>
    generate(params.generator, state.generator, normal(fold(key, "z"), [batchSize, latentDim]), options);
  const discriminator = {
    name: "discriminator",
    trains: ["discriminator"],
    loss(params, state, { x }, { key }) {
      const fake = draw(params, state, key);
      const onReal = discriminate(params.discriminator, state.discriminator, x);
      const onFake = discriminate(params.discriminator, onReal.state, fake.y);
      const loss = tf.add(tf.mean(tf.softplus(tf.neg(onReal.logits))), tf.mean(tf.softplus(onFake.logits)));
      return { loss, state: { generator: fake.state, discriminator: onFake.state } };
    },
  };
  const generator = {
    name: "generator",
    trains: ["generator"],
    loss(params, state, _batch, { key }) {
      const fake = draw(params, state, key);
      const score = discriminate(params.discriminator, state.discriminator, fake.y);
      const loss = tf.mean(tf.softplus(tf.neg(score.logits)));
      return { loss, state: { generator: fake.state, discriminator: score.state } };
    },
  };
  return {
    model: { init: (key) => init(key, options), objectives: [discriminator, generator] },
    batch: { x: normals("x", [batchSize, size, size, 1]) },
    optimizer: { name: "adam", learningRate: 2e-4, beta1: 0.5 },
    noise: {
      zDiscriminator: { path: ["discriminator", "z"], shape: [batchSize, latentDim] },
      zGenerator: { path: ["generator", "z"], shape: [batchSize, latentDim] },
    },
  };
}
