/** The benchmarks' models learn, and their gradients are right: what is timed is training. */
import { fold, hostKey, mapTree, unflatten } from "@latentkit/core";
import { onnx } from "@latentkit/engine-onnx";
import { compile } from "@latentkit/jit";
import { checkGradient } from "@latentkit/jit/testing";
import { afterAll, describe, expect, it } from "vitest";
import { couplingsStep } from "./models/couplings.mjs";
import { dcganStep } from "./models/dcgan.mjs";
import { gptStep } from "./models/gpt.mjs";
import { unetStep } from "./models/unet.mjs";
import { unet2dStep } from "./models/unet2d.mjs";
import { vaeStep } from "./models/vae.mjs";
import { openTraining } from "./training.mjs";

const engine = onnx();
afterAll(() => engine.dispose());

/** Tiny sizes, and one parameter an objective; no ReLU comes after most of them, where differences would be wrong. */
const CASES = {
  vae: {
    create: () => vaeStep({ batchSize: 16, width: 20, hidden: 12, latentDim: 3 }),
    parameters: { elbo: "decoder.dense.layer1.kernel" },
  },
  gpt: {
    create: () => gptStep({ batchSize: 2, blockSize: 8, nLayer: 2, nHead: 2, nEmbd: 16, vocabSize: 11 }),
    parameters: { nll: "transformer.block0.qkv.kernel" },
  },
  unet: {
    create: () => unetStep({ batchSize: 2, size: 8, channels: [8, 8, 16], timeFeatures: 4, timeWidth: 8 }),
    parameters: { denoise: "unet.res3.conv1.kernel" },
  },
  unet2d: {
    create: () => unet2dStep({ batchSize: 2, size: 4, unet: { blockOutChannels: [8, 8], attentionHeadDim: 4 } }),
    parameters: { denoise: "unet.mid_block.resnets.0.conv1.kernel" },
  },
  dcgan: {
    create: () => dcganStep({ batchSize: 4, size: 8, latentDim: 3, channels: [4, 6] }),
    parameters: { discriminator: "discriminator.dense.kernel", generator: "generator.up2.kernel" },
    kernelScale: 25, // pictures of deviation 0.02 would be moved across the kinks of the discriminator
    check: { step: 2 ** -11, tolerance: 2e-2 },
  },
  couplings: {
    create: () => couplingsStep({ batchSize: 32, width: 8, couplings: 4 }),
    parameters: { nll: "flow.coupling3.layer2.kernel" },
  },
};

/** Runs a list of functions' inputs as one program of the engine. */
async function evaluate(f, inputs) {
  const named = Object.fromEntries(inputs.map((value, i) => [`x${i}`, value]));
  const store = engine.createStore();
  const program = await compile(
    engine,
    (_state, given) => ({ outputs: Object.fromEntries(f(inputs.map((_, i) => given[`x${i}`])).entries()) }),
    { state: {}, inputs: mapTree(named, ({ shape, dtype }) => ({ shape, dtype })) },
    store,
  );
  const outputs = Object.values(await program.run(named));
  await store.dispose();
  return outputs;
}

/** The loss of an objective as a function of the values at `path`, of the key, of the batch and of everything else. */
function lossAt({ batch }, objective, path, paths) {
  const fields = Object.keys(batch);
  return ([value, key, ...rest]) => {
    const inBatch = Object.fromEntries(fields.map((field, i) => [field, rest[i]]));
    const leaves = paths.map((name, i) => [name, name === `params.${path}` ? value : rest[fields.length + i]]);
    const { params, state = {} } = unflatten(leaves);
    return objective.loss(params, state, inBatch, { key: fold(key, objective.name), step: undefined }).loss;
  };
}

/** The same values with all kernels multiplied. */
function sharpen(leaves, factor) {
  const scale = ({ data, ...spec }) => ({ ...spec, data: data.map((value) => value * factor) });
  return new Map([...leaves].map(([path, leaf]) => [path, path.endsWith(".kernel") ? scale(leaf) : leaf]));
}

describe.each(Object.entries(CASES))("%s", (_name, { create, parameters, kernelScale = 1, check = {} }) => {
  it("learns its batch", async () => {
    const step = create();
    const { store, losses: take } = await openTraining(engine, {
      ...step,
      optimizer: { name: "adam", learningRate: 0.01 },
    });
    const losses = await take(20);
    const [first, last] = [losses[0], losses.at(-1)];
    expect(losses.flatMap(Object.values).every(Number.isFinite)).toBe(true);
    const trained = step.model.objectives[0].name; // of a GAN the discriminator: its adversary's loss need not fall
    expect(last[trained]).toBeLessThan(0.99 * first[trained]);
    await store.dispose();
  });

  it.each(Object.entries(parameters))(
    "objective %s has the gradient that differences of its loss show",
    async (name, path) => {
      const step = create();
      const { store } = await openTraining(engine, step);
      const objective = step.model.objectives.find((one) => one.name === name);
      const paths = [...store.specs().keys()].filter((one) => /^(params|state)\./.test(one));
      const leaves = sharpen(await store.read(paths), kernelScale);
      const key = { shape: [2], dtype: "int32", data: hostKey(0) };
      const inputs = [
        leaves.get(`params.${path}`),
        key,
        ...Object.values(step.batch),
        ...paths.map((one) => leaves.get(one)),
      ];
      await checkGradient(lossAt(step, objective, path, paths), inputs, { wrt: [0], evaluate, ...check });
      await store.dispose();
    },
  );
});
