import { fold, nn, silu } from "@latentkit/core";
import * as tf from "@tensorflow/tfjs-core";
import { normals } from "./host-values.mjs";

const GROUPS = 8;
const KERNEL = 3;

const convInit = (key, inputs, outputs, size = KERNEL) =>
  nn.conv2dInit(key, inputs, outputs, size, { kernelInit: nn.heNormal });

function residualInit(key, channels, timeWidth) {
  return {
    norm1: nn.groupNormInit(channels),
    conv1: convInit(fold(key, "conv1"), channels, channels),
    time: nn.linearInit(fold(key, "time"), timeWidth, channels),
    norm2: nn.groupNormInit(channels),
    conv2: convInit(fold(key, "conv2"), channels, channels),
  };
}

/** Normalise, SiLU, convolve, twice, with the time's features added between. Ho et al., 2020, appendix B. @param x Shape `(B, H, W, C)`. */
function residual(params, x, time) {
  const [B, , , C] = x.shape;
  const h = nn.conv2d(params.conv1, silu(nn.groupNorm(params.norm1, x, GROUPS)));
  const shifted = tf.add(h, tf.reshape(nn.linear(params.time, time), [B, 1, 1, C]));
  return tf.add(x, nn.conv2d(params.conv2, silu(nn.groupNorm(params.norm2, shifted, GROUPS))));
}

/** Twice the height and width by repeating pixels. */
function upsample(x) {
  return tf.image.resizeNearestNeighbor(x, [x.shape[1] * 2, x.shape[2] * 2]);
}

function init(key, { channels: [c1, c2, c3], timeFeatures, timeWidth }) {
  const at = (name) => fold(key, name);
  return {
    time1: nn.linearInit(at("time1"), timeFeatures, timeWidth),
    time2: nn.linearInit(at("time2"), timeWidth, timeWidth),
    input: convInit(at("input"), 1, c1),
    res1: residualInit(at("res1"), c1, timeWidth),
    down1: convInit(at("down1"), c1, c2),
    res2: residualInit(at("res2"), c2, timeWidth),
    down2: convInit(at("down2"), c2, c3),
    res3: residualInit(at("res3"), c3, timeWidth),
    up2: convInit(at("up2"), c3, c2),
    res4: residualInit(at("res4"), c2, timeWidth),
    up1: convInit(at("up1"), c2, c1),
    res5: residualInit(at("res5"), c1, timeWidth),
    norm: nn.groupNormInit(c1),
    output: convInit(at("output"), c1, 1),
  };
}

/** The noise in a picture. @param x Shape `(B, H, W, 1)`. @param t Features of the time, shape `(B, timeFeatures)`. @returns As `x`. */
function predictNoise(p, x, t) {
  const time = silu(nn.linear(p.time2, silu(nn.linear(p.time1, t)))); // (B, timeWidth)
  const a = residual(p.res1, nn.conv2d(p.input, x), time); // (B, H, W, c1)
  const b = residual(p.res2, nn.conv2d(p.down1, a, { stride: 2 }), time); // (B, H/2, W/2, c2)
  const c = residual(p.res3, nn.conv2d(p.down2, b, { stride: 2 }), time); // (B, H/4, W/4, c3)
  const d = residual(p.res4, tf.add(nn.conv2d(p.up2, upsample(c)), b), time);
  const e = residual(p.res5, tf.add(nn.conv2d(p.up1, upsample(d)), a), time);
  return nn.conv2d(p.output, silu(nn.groupNorm(p.norm, e, GROUPS)));
}

/** The noise prediction of a small diffusion model with a U-Net. Ho et al., 2020, §3.2 https://arxiv.org/abs/2006.11239 */
export function unetStep({
  batchSize = 64,
  size = 28,
  channels = [32, 64, 128],
  timeFeatures = 32,
  timeWidth = 128,
} = {}) {
  const objective = {
    name: "denoise",
    trains: ["unet"],
    loss: ({ unet }, _state, { x, t, eps }) => ({ loss: tf.mean(tf.square(tf.sub(predictNoise(unet, x, t), eps))) }),
  };
  return {
    model: {
      init: (key) => ({ params: { unet: init(key, { channels, timeFeatures, timeWidth }) }, state: {} }),
      objectives: [objective],
    },
    batch: {
      x: normals("x", [batchSize, size, size, 1]),
      t: normals("t", [batchSize, timeFeatures]),
      eps: normals("eps", [batchSize, size, size, 1]),
    },
    optimizer: { name: "adam", learningRate: 1e-3 },
    noise: {},
  };
}
