import { couplingsStep } from "./couplings.mjs";
import { dcganStep } from "./dcgan.mjs";
import { gptStep } from "./gpt.mjs";
import { unetStep } from "./unet.mjs";
import { unet2dStep } from "./unet2d.mjs";
import { vaeStep } from "./vae.mjs";

const LARGE_GPT = { batchSize: 8, blockSize: 256, nLayer: 6, nHead: 6, nEmbd: 384 };

/**
 * The training steps that speed is measured on. Each `create()` gives `{ model, batch, optimizer, noise }`: `init` and `objectives` as in a
 * GenerativeModel, the batch as host tensors by field, the options of the optimizer, and which normal numbers the losses draw: by the name
 * the PyTorch side knows, the names folded into the step's key and the shape.
 *
 * `target`: how many times faster than PyTorch the step shall be.
 */
export const STEPS = {
  vae: { title: "VAE 784-400-20, batch 128", target: 1.4, create: () => vaeStep() },
  "gpt-small": { title: "GPT 4 layers 4 heads 128 wide, 12 x 64 tokens", target: 1.7, create: () => gptStep() },
  "gpt-large": {
    title: "GPT 6 layers 6 heads 384 wide, 8 x 256 tokens",
    target: 1.8,
    create: () => gptStep(LARGE_GPT),
  },
  unet: { title: "U-Net 32-64-128, 28x28, batch 64", target: 1.05, create: () => unetStep() },
  unet2d: {
    title: "UNet2D 32-32-64 with attention and classes, 28x28, batch 64",
    target: 1,
    create: () => unet2dStep(),
  },
  dcgan: { title: "DCGAN 28x28, batch 64, both updates", target: 1.25, create: () => dcganStep() },
  couplings: { title: "8 affine couplings, 128-wide MLPs, batch 256", target: 2, create: () => couplingsStep() },
};
