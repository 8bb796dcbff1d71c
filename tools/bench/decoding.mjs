import { arTransformerConfig, createArTransformer, wireTransformer } from "@latentkit/ar-transformer";
import { hostKey, hostTensor, modelSpecs, parameterCount, Session } from "@latentkit/core";
import { compile } from "@latentkit/jit";

/** A model of running text with random weights on an engine, ready to generate. */
export async function openDecoding(engine, { vocabulary, blockSize, ...options }) {
  const config = arTransformerConfig.parse(options);
  const x = { shape: [blockSize + 1], dtype: "int32" };
  const datum = { kind: "tokens", shape: x.shape, vocabulary, context: 1 };
  const model = createArTransformer(config, datum);
  const specs = modelSpecs(model, { fields: { x } }, 1);
  const store = engine.createStore();
  const batch = { x: hostTensor(new Int32Array(blockSize + 1), [1, blockSize + 1], "int32") };
  const init = await compile(
    engine,
    (_state, inputs, key) => ({ state: model.init(key, inputs.batch) }),
    { state: {}, inputs: { batch } },
    store,
  );
  await init.run({ batch }, hostKey(0));
  await init.dispose();
  const session = new Session(model, engine, store, specs, "params");
  let seed = 0;
  return {
    architecture: wireTransformer(config, datum).architecture,
    parameters: parameterCount(specs),
    /** Seconds to read a prompt of so many tokens and draw more of each of the streams. */
    async run({ streams, prompt, tokens }) {
      const inputs = { prompt: hostTensor(new Int32Array(prompt).fill(1), [1, prompt], "int32") };
      const began = performance.now();
      await session.sample({ n: streams, seed: seed++, inputs, options: { maxNewTokens: tokens } });
      return (performance.now() - began) / 1000;
    },
    close: () => store.dispose(),
  };
}
