import { type Engine, type HostTensor, hostKey, philoxPermutation, sizeOf, UserError } from "@latentkit/jit";
import type { Split } from "../data.js";
import { checkFinite } from "../finite.js";
import type { MetricContext } from "../metric.js";
import type { FeatureExtractor, OpenExtractor } from "./extractor.js";
import { measuredOnce } from "./measured-once.js";
import { type Points, points } from "./points.js";

/** Images as an extractor sees them. */
export interface Graded {
  readonly points: Points;
  /** The most likely class of each; none, like their probabilities, where nothing tells classes apart. */
  readonly labels: Int32Array;
  /** Its probability. */
  readonly confidence: Float32Array;
  /** The class that was asked for, of real images the true one; absent without labels. */
  readonly asked?: Int32Array;
}

/** Three sets of equal size: what is measured, what it is measured against, and real images measured the same way. */
export interface GradedSets {
  readonly n: number;
  /** Why `n` is not the usual number. */
  readonly remark?: string;
  readonly samples: Graded;
  /** From the split under evaluation. */
  readonly reference: Graded;
  /** From another split: their score is the floor. */
  readonly control: Graded;
}

/** Samples that are drawn unless more or fewer are asked for; what the literature uses. */
const USUAL_SAMPLES = 10_000;

/**
 * How many samples a context asks for, and why not the usual number.
 *
 * @param usual The number when the context has no limit of its own.
 */
export function sampleCount(
  { dataset, split, limit }: MetricContext,
  usual = USUAL_SAMPLES,
): { n: number; remark?: string } {
  const data = Math.min(split.size, controlSplit(dataset, split).size);
  const n = Math.min(data, limit ?? usual);
  if (n === usual) return { n };
  return {
    n,
    remark: n === limit ? `${n < usual ? "limited to" : "asked for"} ${n}` : `the data have ${data} examples for a set`,
  };
}

/** The split that real images come from which are graded like samples. */
export function controlSplit({ splits }: MetricContext["dataset"], split: Split): Split {
  return split === splits.train ? splits.test : splits.train;
}

/** Three sets of equal size, as they are. */
interface DrawnSets {
  readonly n: number;
  readonly remark?: string;
  readonly samples: Examples;
  readonly reference: Examples;
  readonly control: Examples;
}

/**
 * Draws samples, as many as the reference has. The reference is the same for every model and seed. A conditional model is asked for the labels of the
 * control: with the reference's own the two sets would not be independent, and distances that suppose so come out too small.
 *
 * @param usual How many when the context has no limit of its own; 10,000 when absent.
 */
export async function drawSets(context: MetricContext, usual?: number): Promise<DrawnSets> {
  const { session, dataset, split } = context;
  const { n, remark } = sampleCount(context, usual);
  if (n < 2) throw new UserError("@latentkit/core", `samples cannot be compared with ${n} example; raise --limit`);
  const control = gatherShuffled(controlSplit(dataset, split), n);
  const asked = session.model.conditional === true ? control.label : undefined;
  return {
    n,
    ...(remark === undefined ? {} : { remark }),
    samples: await drawExamples(context, n, asked),
    reference: gatherShuffled(split, n),
    control,
  };
}

/**
 * Samples with the labels asked for, if any; drawn once for all that is measured together.
 *
 * @throws UserError when they are not finite: a classifier would name those, too.
 */
export async function drawExamples(context: MetricContext, n: number, label?: HostTensor): Promise<Examples> {
  const { session, seed, sampling = {}, onSampled } = context;
  const asked = label ? { label: Array.from(label.data) } : {};
  const name = nameOf([n, seed, sampling, asked]);
  const x = await measuredOnce(context, name, () =>
    session.sample({ n, seed, options: sampling, ...asked }, onSampled),
  );
  checkFinite(x, "samples");
  return label ? { x, label } : { x };
}

const SAMPLES = "samples ";

type Asked = { readonly label?: readonly number[] };
const nameOf = (drawing: [n: number, seed: number, sampling: object, asked: Asked]): string =>
  `${SAMPLES}${JSON.stringify(drawing)}`;

/**
 * The samples that metrics of a context have drawn, the first `n` of each set, for a context that is limited to so many. They are what that
 * would draw itself when `n` is a whole number of the engine's calls.
 */
export async function firstSamples({ shared = new Map() }: MetricContext, n: number): Promise<Map<string, unknown>> {
  const first = new Map<string, unknown>();
  for (const [name, drawing] of shared) {
    if (!name.startsWith(SAMPLES)) continue;
    const [size, seed, sampling, { label }] = JSON.parse(name.slice(SAMPLES.length)) as Parameters<typeof nameOf>[0];
    if (size < n) continue;
    const { shape, data, ...x } = (await drawing) as HostTensor;
    const rows = { ...x, shape: [n, ...shape.slice(1)], data: data.slice(0, (data.length / size) * n) };
    first.set(nameOf([n, seed, sampling, label ? { label: label.slice(0, n) } : {}]), Promise.resolve(rows));
  }
  return first;
}

/** Samples that metrics of this context have drawn, the largest set of one kind; `undefined` when none needed any. */
export async function drawnExamples({ shared = new Map() }: MetricContext): Promise<HostTensor | undefined> {
  const drawings = [...shared].filter(([name]) => name.startsWith(SAMPLES)).map(([, x]) => x as Promise<HostTensor>);
  const sets = await Promise.all(drawings);
  return sets.sort((a, b) => (b.shape[0] as number) - (a.shape[0] as number))[0];
}

/** {@link drawSets}, seen by an extractor. */
export async function gradeSets(extractor: FeatureExtractor, context: MetricContext): Promise<GradedSets> {
  const { samples, reference, control, ...counts } = await drawSets(context, extractor.samples);
  return withExtractor(extractor, context.session.engine, async (open) => ({
    ...counts,
    samples: await grade(open, samples),
    reference: await grade(open, reference),
    control: await grade(open, control),
  }));
}

/** {@link drawSets} as points of the space of the values themselves: for data without an extractor. */
export async function valueSets(context: MetricContext): Promise<GradedSets> {
  const { samples, reference, control, ...counts } = await drawSets(context);
  const width = sizeOf(context.dataset.datum.shape);
  const asPoints = ({ x }: Examples): Graded => ({
    points: points(x.data as Float32Array, width),
    labels: new Int32Array(0),
    confidence: new Float32Array(0),
  });
  return { ...counts, samples: asPoints(samples), reference: asPoints(reference), control: asPoints(control) };
}

async function withExtractor<T>(
  extractor: FeatureExtractor,
  engine: Engine,
  use: (open: OpenExtractor) => Promise<T>,
): Promise<T> {
  const open = await extractor.open(engine);
  try {
    return await use(open);
  } finally {
    await open.dispose();
  }
}

/** Data with labels, if there are any. */
export interface Examples {
  readonly x: HostTensor;
  readonly label?: HostTensor;
}

/** Positions of a split in an order that has nothing to do with how it is stored: MNIST's first half is easier than its second. */
export const referenceOrder = (size: number): Int32Array => philoxPermutation(hostKey(0, "reference"), size);

/** The first `n` examples in {@link referenceOrder}. */
export function gatherShuffled(split: Split, n: number): Examples {
  return split.gather(referenceOrder(split.size).subarray(0, n)) as unknown as Examples;
}

const CHUNK = 1000;

async function grade(open: OpenExtractor, { x, label }: Examples): Promise<Graded> {
  const [n = 0, ...shape] = x.shape;
  const size = x.data.length / n;
  const labels = new Int32Array(n);
  const confidence = new Float32Array(n);
  const features: Float32Array[] = [];
  let width = 0;
  for (let from = 0; from < n; from += CHUNK) {
    const count = Math.min(CHUNK, n - from);
    const data = x.data.subarray(from * size, (from + count) * size) as Float32Array;
    const extracted = await open.extract({ ...x, shape: [count, ...shape], data });
    features.push(extracted.features.data as Float32Array);
    width = extracted.features.shape[1] as number;
    verdicts(extracted.probabilities, labels.subarray(from), confidence.subarray(from));
  }
  const all = new Float32Array(n * width);
  for (const [i, part] of features.entries()) all.set(part, i * CHUNK * width);
  return { points: points(all, width), labels, confidence, ...(label ? { asked: label.data as Int32Array } : {}) };
}

/** The largest probability of each row and where it stands. */
function verdicts({ data, shape }: HostTensor, labels: Int32Array, confidence: Float32Array): void {
  const [n = 0, classes = 0] = shape;
  for (let i = 0; i < n; i++) {
    for (let c = 0; c < classes; c++) {
      const p = data[i * classes + c] as number;
      if (p <= (confidence[i] as number)) continue;
      confidence[i] = p;
      labels[i] = c;
    }
  }
}
