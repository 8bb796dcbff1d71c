import {
  activeObjectives,
  flatten,
  hostKey,
  hostTensor,
  initialState,
  modelSpecs,
  parameterCount,
  parseOptions,
  philoxNormal,
  sizeOf,
  stepInputSpecs,
  stepInputs,
  trainConfigSchema,
  trainStateSpecs,
  trainStep,
} from "@latentkit/core";
import { compile } from "@latentkit/jit";

/** Key of training step `t`, as the trainer makes it. */
const stepKey = (t) => hostKey(0, "train", t);

/**
 * Compiles core's own training step (loss, gradients, guard, optimizer) of a model of `models/` and draws its first state.
 *
 * @param engine Any engine. @param step What `create()` of a model gives.
 */
export async function openTraining(engine, { model, batch, optimizer, noise }) {
  const fields = Object.fromEntries(
    Object.entries(batch).map(([name, { shape, dtype }]) => [name, { shape: shape.slice(1), dtype }]),
  );
  const specs = modelSpecs(model, { fields }, batch.x.shape[0]);
  const config = { ...parseOptions("bench", trainConfigSchema, { emaDecay: 0, optimizer }), steps: 1 };
  const store = engine.createStore();
  const initialize = async () => {
    const init = await compile(engine, initialState(model, config), { state: {}, inputs: { batch } }, store);
    await init.run({ batch }, hostKey(0));
    await init.dispose();
  };
  await initialize();
  const stateSpecs = trainStateSpecs(model, specs, config);
  const program = await compile(
    engine,
    trainStep(model, activeObjectives(model, 0), config),
    { state: stateSpecs, inputs: stepInputSpecs(batch) },
    store,
  );
  let t = 0;
  const queue = () => program.run(stepInputs(batch, t, config.steps), stepKey(t++));

  return {
    program,
    store,
    parameters: parameterCount(specs),
    /** Back to the state before the first step. */
    async reset() {
      await store.delete(store.specs().keys()); // PyTorch's side has no second copy either
      await initialize();
      t = 0;
    },
    /** The parameters as they are now, by path without `params.`. */
    async readParameters() {
      const paths = flatten(specs.params).map(([path]) => `params.${path}`);
      const tensors = await store.read(paths);
      return new Map(paths.map((path) => [path.slice("params.".length), tensors.get(path)]));
    },
    /** The normal numbers that the losses of the first `n` steps draw: one map by name a step. */
    firstNoise(n) {
      return Array.from({ length: n }, (_, i) =>
        Object.entries(noise).map(([name, { path, shape }]) => {
          const key = hostKey(0, "train", i, ...path);
          return [name, hostTensor(philoxNormal(key, sizeOf(shape)), shape)];
        }),
      );
    },
    /** `n` steps one after the other; the loss of every objective on each, by its name. */
    async losses(n) {
      const values = [];
      for (let i = 0; i < n; i++) values.push(lossesOf(await queue(), model.objectives));
      return values;
    },
    /** Trains for at least so long, as the trainer does: one run queued behind the one that computes. */
    async runFor(seconds) {
      const started = performance.now();
      const elapsed = () => (performance.now() - started) / 1000;
      let pending = queue();
      let steps = 1;
      for (; elapsed() < seconds; steps++) {
        const next = queue();
        await pending;
        pending = next;
      }
      await pending;
      return { steps, seconds: elapsed() };
    },
  };
}

/** The metric `loss` of the only objective, `name/loss` of several. */
function lossesOf(metrics, objectives) {
  const metric = (name) => (objectives.length > 1 ? `${name}/loss` : "loss");
  return Object.fromEntries(objectives.map(({ name }) => [name, metrics[metric(name)].data[0]]));
}
