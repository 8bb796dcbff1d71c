import {
  type Engine,
  eager,
  flatten,
  type HostTensor,
  hostKey,
  mapTree,
  type TensorSpec,
  type Tree,
  trace,
} from "@latentkit/jit";
import { afterAll, describe, expect, it } from "vitest";
import { MemoryCheckpointStore } from "../checkpoint.js";
import { systemClock } from "../clock.js";
import type { Dataset, DatumSpec } from "../data.js";
import { Evaluator } from "../evaluator.js";
import { MemorySink } from "../log.js";
import type { GenerativeModel } from "../model.js";
import { batchSpecs, modelSpecs } from "../model-specs.js";
import { parseOptions } from "../options.js";
import type { ModelPlugin } from "../plugin.js";
import { decodeSafetensors, encodeSafetensors } from "../safetensors.js";
import type { Session } from "../session.js";
import { type TrainConfigInput, trainingOf } from "../train-config.js";
import { Trainer } from "../trainer.js";
import { syntheticDataset } from "./synthetic.js";

/** One configuration of a plugin on one kind of data. */
export interface PluginCase {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly datum: DatumSpec;
  /** Options given to the sampler. */
  readonly sampleOptions?: Readonly<Record<string, unknown>>;
  /** Training options of the case; a loss that falls slowly may need a larger learning rate. */
  readonly train?: TrainConfigInput;
  /** Checks that cannot hold for this case, each with its reason. */
  readonly skip?: Partial<Record<"lossFalls" | "sampleRange" | "gradients", string>>;
}

/** What {@link testPlugin} tests a plugin with. */
export interface TestPluginOptions {
  readonly cases: readonly PluginCase[];
  /** The eager engine when absent. */
  readonly engine?: () => Engine;
}

const BATCH = 16;

/** The conformance suite of model plugins: call it in a vitest file, `testPlugin(vaePlugin, { cases })`. */
export function testPlugin(plugin: ModelPlugin<any, any>, { cases, engine = eager }: TestPluginOptions): void {
  describe(`plugin ${plugin.name}`, () => {
    it("describes every option and has a default for each", () => {
      expect(plugin.name).toMatch(/^[a-z][a-z0-9-]*$/);
      for (const schema of [plugin.config, plugin.sampleOptions]) {
        expect(schema.safeParse({}).success, "every option has a default").toBe(true);
        for (const [name, option] of Object.entries(schema.shape)) {
          expect((option as { description?: string }).description, `description of ${name}`).toBeTruthy();
        }
      }
    });

    it("refuses an option it does not have", () => {
      expect(() => parseOptions(plugin.name, plugin.config, { noSuchOption: 1 })).toThrow(/noSuchOption/);
    });

    describe.each(cases.map((one) => [one.name, one] as const))("%s", (_name, one) => testCase(plugin, one, engine));
  });
}

function testCase(plugin: ModelPlugin<any, any>, one: PluginCase, createEngine: () => Engine): void {
  const dataset = syntheticDataset(one.datum);
  const config = parseOptions(plugin.name, plugin.config, one.config);
  const model = plugin.create(config, one.datum) as GenerativeModel;
  const engine = createEngine();
  afterAll(() => engine.dispose());
  const trainSome = (steps: number, sink = new MemorySink()) =>
    fitModel(model, dataset, engine, { ...one.train, steps }, sink);

  it("keeps its configuration through JSON", () => {
    expect(parseOptions(plugin.name, plugin.config, JSON.parse(JSON.stringify(config)))).toEqual(config);
  });

  it.skipIf(one.skip?.gradients)(
    `trains every parameter of an objective's groups, and every group by some objective${because(one.skip?.gradients)}`,
    () => {
      const specs = modelSpecs(model, dataset.splits.train, BATCH);
      const trained = new Set(model.objectives.flatMap((objective) => objective.trains));
      expect(new Set(flatten<TensorSpec>(specs.params).map(([path]) => path.split(".")[0]))).toEqual(trained);
    },
  );

  it("samples the same for the same seed, in the data's shape and range", async () => {
    const { session } = await trainSome(1);
    const draw = (seed: number) => session.sample({ n: 5, seed, options: one.sampleOptions ?? {} });
    const a = await draw(1);
    expect(a.shape).toEqual([5, ...(one.datum.target ?? one.datum.shape)]);
    expect([...a.data].every(Number.isFinite)).toBe(true);
    expect(await draw(1)).toEqual(a);
    expect((await draw(2)).data).not.toEqual(a.data);
    const [low, high] = one.datum.range ?? [-Infinity, Infinity];
    if (!one.skip?.sampleRange) expect([...a.data].every((v) => v >= low - 1e-6 && v <= high + 1e-6)).toBe(true);
  });

  it("measures its likelihood once an example, finite", async () => {
    const { session } = await trainSome(1);
    for (const f of [model.elbo, model.logProb].filter((g) => g !== undefined)) {
      const values = await session.perExample(f as never, dataset.splits.test, { batchSize: 24 });
      expect(values.shape).toEqual([dataset.splits.test.size]);
      expect([...values.data].every(Number.isFinite)).toBe(true);
    }
    expect(model.elbo ?? model.logProb ?? model.objectives).toBeDefined();
  });

  it("encodes and decodes in the declared shapes, if it has a latent space at all", async () => {
    const { session } = await trainSome(1);
    const { latentSpace } = session;
    if (latentSpace === undefined) {
      await expect(async () => session.encode(dataset.splits.test)).rejects.toThrow(/no latent space/);
      return;
    }
    if (!latentSpace.canEncode)
      await expect(async () => session.encode(dataset.splits.test)).rejects.toThrow(/no encoder/);
    const z = latentSpace.canEncode
      ? await session.encode(dataset.splits.test, { batchSize: 24 })
      : session.drawLatents(dataset.splits.test.size);
    expect(z.shape).toEqual([dataset.splits.test.size, ...latentSpace.shape]);
    const first = dataset.splits.test.gather([...Array(8).keys()]);
    const x = await session.decode(
      { ...z, shape: [8, ...z.shape.slice(1)], data: z.data.slice(0, (8 * z.data.length) / dataset.splits.test.size) },
      first.label,
    );
    expect(x.shape).toEqual([8, ...one.datum.shape]);
  });

  it.skipIf(one.skip?.lossFalls)(`lowers its loss on one batch${because(one.skip?.lossFalls)}`, async () => {
    const sink = new MemorySink();
    await fitModel(model, oneBatch(dataset), engine, { ...one.train, steps: 30, logEvery: 1 }, sink);
    const [objective] = model.objectives;
    const series = sink
      .series(model.objectives.length > 1 ? `train/${objective?.name}/loss` : "train/loss")
      .map(({ value }) => value);
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(series.slice(-5))).toBeLessThan(mean(series.slice(0, 5)));
  });

  it("saves and loads without loss", async () => {
    const { session } = await trainSome(2);
    const before = await session.sample({ n: 3, seed: 7, options: one.sampleOptions ?? {} });
    const weights = await session.store.read(session.store.specs().keys());
    const { tensors } = decodeSafetensors(encodeSafetensors(weights));
    const other = await trainSome(1);
    await other.session.store.write(tensors);
    expect(await other.session.sample({ n: 3, seed: 7, options: one.sampleOptions ?? {} })).toEqual(before);
  });

  it("resumes to the same weights as an uninterrupted run", async () => {
    const whole = await trainSome(6);
    const checkpoints = new MemoryCheckpointStore();
    await fitModel(model, dataset, engine, { ...one.train, steps: 6 }, new MemorySink(), checkpoints, 3);
    const resumed = await fitModel(
      model,
      dataset,
      engine,
      { ...one.train, steps: 6 },
      new MemorySink(),
      checkpoints,
      undefined,
      true,
    );
    expect(await weightsOf(resumed.session)).toEqual(await weightsOf(whole.session));
  });

  it("can be traced by any engine", () => {
    const specs = modelSpecs(model, dataset.splits.train, BATCH);
    const traced = trace((_s, { batch }, key) => ({ outputs: model.init(key, batch) as never }), {
      state: {},
      inputs: { batch: batchSpecs(dataset.splits.train, BATCH) } as Tree<TensorSpec>,
    });
    expect(mapTree(traced.outputs, () => 0)).toEqual(mapTree(specs as unknown as Tree<TensorSpec>, () => 0));
  });
}

const because = (reason: string | undefined): string => (reason === undefined ? "" : ` (skipped: ${reason})`);

/** @param stopAfter Abort after so many updates, as Ctrl-C would. */
async function fitModel(
  model: GenerativeModel,
  dataset: Dataset,
  engine: Engine,
  options: TrainConfigInput,
  sink: MemorySink,
  checkpoints = new MemoryCheckpointStore(),
  stopAfter?: number,
  resume = false,
) {
  const controller = new AbortController();
  const config = trainingOf(model, { batchSize: BATCH, ...options });
  const trainer = new Trainer({ clock: systemClock, checkpoints, sink, evaluator: new Evaluator() });
  return trainer.fit({
    model,
    dataset,
    engine,
    config,
    signal: controller.signal,
    ...(resume ? { resume: "latest" as const } : {}),
    onProgress: ({ step }) => {
      if (stopAfter !== undefined && step >= stopAfter) controller.abort();
    },
  });
}

async function weightsOf(session: Session): Promise<Map<string, HostTensor>> {
  return session.store.read([...session.store.specs().keys()].sort());
}

/** The same batch on every step. */
function oneBatch(dataset: Dataset): Dataset {
  const { train } = dataset.splits;
  const indices = [...hostKey(0, "one batch"), ...Array(BATCH - 2).keys()].map((i) => Math.abs(i) % train.size);
  return { ...dataset, splits: { ...dataset.splits, train: { ...train, gather: () => train.gather(indices) } } };
}
