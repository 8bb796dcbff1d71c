import {
  compile,
  type Engine,
  type HostTensor,
  mapTree,
  type Store,
  type TensorSpec,
  type Tree,
  UserError,
  unflatten,
} from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import { paddedRanges } from "../batches.js";
import type { Dataset } from "../data.js";
import type { TensorTree } from "../tensor-tree.js";

/** What is known of data before any is read. */
export type DataDescription = Pick<Dataset, "name" | "datum" | "tokens" | "tokenizer">;

/**
 * A classifier that grades samples: its inner activations are the space in which sets of images are compared, its verdicts tell classes
 * apart. Registered under the token `FEATURE_EXTRACTOR`; which one is used follows from the data, never from the model.
 */
export interface FeatureExtractor {
  /** Kebab-case with the network's kind, `mnist-cnn`; metrics carry it: `fidMnistCnn`. */
  readonly name: string;
  /** One line for `latentkit list`. */
  readonly summary: string;
  /** Data, split and where they came from. */
  readonly trainedOn: string;
  /** Share of the test split that it names rightly, in [0, 1]. */
  readonly testAccuracy: number;
  readonly classes: number;
  /** Samples that published numbers on such data are of; 10,000 when absent. */
  readonly samples?: number;
  /** The data it can grade, in words for messages: `mnist (28x28x1 in [0, 1])`. */
  readonly grades: string;
  /** Whether it was made for such data. */
  fits(data: DataDescription): boolean;
  /** Makes it ready to use. @throws UserError when its weights are missing or damaged. */
  open(engine: Engine): Promise<OpenExtractor>;
}

/** What an extractor says of images. */
export interface Extracted {
  /** float32, shape `(n, width)`. */
  readonly features: HostTensor;
  /** float32, shape `(n, classes)`, rows that sum to one. */
  readonly probabilities: HostTensor;
}

/** An extractor on an engine. */
export interface OpenExtractor {
  /** @param images Shape `(n, ...datum.shape)`, in the range of the data it fits. */
  extract(images: HostTensor): Promise<Extracted>;
  dispose(): Promise<void>;
}

/** A network written in TensorFlow.js ops, and where its weights come from. */
export interface TracedNetwork {
  /** Weights by path. @throws UserError when they are missing or damaged. */
  weights(): Promise<ReadonlyMap<string, HostTensor>>;
  /** Pure, traced once. @param x Shape `(B, ...datum.shape)`. */
  apply(params: TensorTree, x: Tensor): { features: Tensor; probabilities: Tensor };
}

const ROWS = 250;

/** An extractor from a description and a network; it runs on the engine that the graded model runs on. */
export function tracedExtractor(
  description: Omit<FeatureExtractor, "open">,
  { weights, apply }: TracedNetwork,
): FeatureExtractor {
  return {
    ...description,
    async open(engine) {
      const tensors = await weights();
      const store = engine.createStore();
      await store.write([...tensors].map(([path, tensor]) => [`params.${path}`, tensor] as const));
      const params = mapTree(unflatten(tensors) as Tree<HostTensor>, ({ shape, dtype }) => ({ shape, dtype }));
      return openNetwork(engine, store, params as Tree<TensorSpec>, apply);
    },
  };
}

function openNetwork(
  engine: Engine,
  store: Store,
  params: Tree<TensorSpec>,
  apply: TracedNetwork["apply"],
): OpenExtractor {
  const body = (state: { params: TensorTree }, { x }: { x: Tensor }) => ({ outputs: apply(state.params, x) });
  return {
    async extract(images) {
      const [n = 0, ...shape] = images.shape;
      const size = images.data.length / n;
      const x: TensorSpec = { shape: [Math.min(ROWS, n), ...shape], dtype: images.dtype };
      const program = await compile(engine, body, { state: { params }, inputs: { x } }, store);
      const parts: { features: HostTensor; probabilities: HostTensor; count: number }[] = [];
      for (const { indices, count } of paddedRanges(n, x.shape[0] as number)) {
        const data = new Float32Array(indices.length * size);
        for (const [i, from] of indices.entries())
          data.set(images.data.subarray(from * size, (from + 1) * size), i * size);
        const { features, probabilities } = await program.run({ x: { ...x, data } });
        parts.push({ features, probabilities, count } as (typeof parts)[number]);
      }
      return { features: stack(parts, "features", n), probabilities: stack(parts, "probabilities", n) };
    },
    dispose: () => store.dispose(),
  };
}

/** The parts' real rows, one after another. */
function stack(
  parts: readonly (Extracted & { readonly count: number })[],
  field: keyof Extracted,
  n: number,
): HostTensor {
  const width = (parts[0] as Extracted)[field].shape[1] as number;
  const data = new Float32Array(n * width);
  let offset = 0;
  for (const part of parts) {
    data.set((part[field].data as Float32Array).subarray(0, part.count * width), offset);
    offset += part.count * width;
  }
  return { shape: [n, width], dtype: "float32", data };
}

/** Why none of the extractors can grade the data; `undefined` when one can. */
export function extractorRefusal(extractor: FeatureExtractor, data: DataDescription): string | undefined {
  if (extractor.fits(data)) return undefined;
  const { name, datum } = data;
  return `${extractor.name} grades ${extractor.grades}, not ${name} (${datum.kind}, ${datum.shape.join("x")}); register a FeatureExtractor for it`;
}

/** @throws UserError when two extractors share a name. */
export function checkExtractors(extractors: readonly FeatureExtractor[]): void {
  const names = extractors.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined)
    throw new UserError("@latentkit/core", `two feature extractors are called "${twice}"; rename one`);
}
