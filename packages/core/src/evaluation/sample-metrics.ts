import { type HostTensor, sizeOf } from "@latentkit/jit";
import type { Metric, MetricContext } from "../metric.js";
import type { GenerativeModel } from "../model.js";
import { classCounts, classDivergence, extremeShares, modesCovered, shareOf } from "./classes.js";
import { nearestRows, probabilityBelow } from "./copying.js";
import { type DataDescription, extractorRefusal, type FeatureExtractor } from "./extractor.js";
import { type Estimate, frechetEstimate } from "./frechet.js";
import {
  drawExamples,
  type Graded,
  type GradedSets,
  gatherShuffled,
  gradeSets,
  sampleCount,
  valueSets,
} from "./grading.js";
import { energyDistance, kernelDistance } from "./kernel-distance.js";
import { compareManifolds, type ManifoldComparison } from "./manifold.js";
import { points } from "./points.js";

/** The word that stands for all measurements of samples: `--metrics samples`. */
export const SAMPLE_METRICS = "samples";

/** Samples whose likeliest class has at least this probability are confidently one of the classes. */
const CONFIDENT = 0.9;

interface Measure {
  readonly summary: string;
  readonly unit: string;
  /** Why a model on such data cannot be measured so. */
  refusal?(model: GenerativeModel, data: DataDescription): string | undefined;
  /** @param set Samples, or the real images of the control. */
  measure(set: Graded, reference: Graded, classes: number): Estimate | Promise<Estimate>;
}

/** What the four numbers of one comparison share. */
const manifolds = new WeakMap<Graded, Promise<ManifoldComparison>>();

function manifold(set: Graded, reference: Graded): Promise<ManifoldComparison> {
  const known = manifolds.get(set) ?? compareManifolds(reference.points, set.points);
  manifolds.set(set, known);
  return known;
}

/** Four numbers about neighbourhoods, in whatever space the points lie. */
const NEIGHBOUR_MEASURES = {
  precision: {
    summary: "improved precision, k 3: share of samples among the data's neighbours",
    unit: "share",
    measure: async (set, reference) => (await manifold(set, reference)).precision,
  },
  recall: {
    summary: "improved recall, k 3: share of data among the samples' neighbours",
    unit: "share",
    measure: async (set, reference) => (await manifold(set, reference)).recall,
  },
  density: {
    summary: "density, k 5: how many of the data's neighbourhoods hold a sample; about 1 for real data",
    unit: "ratio",
    measure: async (set, reference) => (await manifold(set, reference)).density,
  },
  coverage: {
    summary: "coverage, k 5: share of the data's neighbourhoods that hold a sample",
    unit: "share",
    measure: async (set, reference) => (await manifold(set, reference)).coverage,
  },
} satisfies Record<string, Measure>;

const counts = ({ labels }: Graded, classes: number): Float64Array => classCounts(labels, classes);

/** By the word that a metric's name begins with. */
const MEASURES = {
  fid: {
    summary: "feature FID (of a small classifier, not Inception): Fréchet distance of Gaussians, lower is better",
    unit: "distance",
    measure: (set, reference) => frechetEstimate(set.points, reference.points),
  },
  kid: {
    summary: "feature KID (not Inception): unbiased kernel distance, lower is better",
    unit: "distance",
    measure: (set, reference) => kernelDistance(set.points, reference.points),
  },
  ...NEIGHBOUR_MEASURES,
  confidence: {
    summary: "share of samples with one class more likely than 0.9",
    unit: "share",
    measure: ({ confidence }) => shareOf(confidence, (p) => p > CONFIDENT),
  },
  modes: {
    summary: "classes that at least one sample belongs to",
    unit: "classes",
    measure: (set, _reference, classes) => ({ value: modesCovered(counts(set, classes)), stderr: Number.NaN }),
  },
  rarest: {
    summary: "share of the rarest class among the samples",
    unit: "share",
    measure: (set, _reference, classes) => extremeShares(counts(set, classes)).least,
  },
  commonest: {
    summary: "share of the most frequent class among the samples",
    unit: "share",
    measure: (set, _reference, classes) => extremeShares(counts(set, classes)).most,
  },
  classKl: {
    summary: "divergence of the samples' classes from the data's, lower is better",
    unit: "nats",
    measure: (set, reference, classes) => classDivergence(counts(set, classes), counts(reference, classes)),
  },
  labelAgreement: {
    summary: "share of conditional samples that belong to the class asked for",
    unit: "share",
    refusal: ({ conditional }, { datum }) => {
      if (!conditional) return "the model does not take labels when it samples";
      return datum.classes === undefined ? "the data have no labels" : undefined;
    },
    measure: ({ labels, asked }) => shareOf(labels, (label, i) => label === asked?.[i]),
  },
} satisfies Record<string, Measure>;

/** Measurements that an extractor makes possible. */
export type FeatureMeasure = keyof typeof MEASURES;

/** How a measurement with an extractor is called: `fid` with `mnist-cnn` is `fidMnistCnn`. */
export function featureMetricName(measure: FeatureMeasure, extractor: string): string {
  const words = extractor.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  return measure + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

/**
 * Everything that an extractor can measure of samples, each beside the same measure of as many real images from another split: the floor
 * below which differences mean nothing. Samples are drawn and graded once for all that one evaluation asks for.
 */
export function featureMetrics(extractor: FeatureExtractor): Metric[] {
  return gradedMetrics(MEASURES, {
    nameOf: (measure) => featureMetricName(measure as FeatureMeasure, extractor.name),
    refusal: (data) => extractorRefusal(extractor, data),
    draw: (context) => gradeSets(extractor, context),
    classes: extractor.classes,
    note: `${extractor.name}, not Inception`,
  });
}

/** Where sets come from and how their measurements are called. */
interface Grading {
  nameOf(measure: string): string;
  refusal(data: DataDescription): string | undefined;
  draw(context: MetricContext): Promise<GradedSets>;
  readonly classes: number;
  readonly note: string;
}

function gradedMetrics(
  measures: Readonly<Record<string, Measure>>,
  { nameOf, refusal: refusalOfData, draw, classes, note }: Grading,
): Metric[] {
  const grading = new WeakMap<MetricContext, Promise<GradedSets>>();
  const setsOf = (context: MetricContext): Promise<GradedSets> => {
    const known = grading.get(context) ?? draw(context);
    grading.set(context, known);
    return known;
  };
  return Object.entries(measures).map(([name, { summary, unit, refusal, measure }]) => ({
    name: nameOf(name),
    summary,
    group: SAMPLE_METRICS,
    onRequest: true,
    refusal: (model, data) => refusalOfData(data) ?? refusal?.(model, data),
    async evaluate(context) {
      const { n, remark, samples, reference, control } = await setsOf(context);
      return {
        ...(await measure(samples, reference, classes)),
        n,
        unit,
        realVsReal: await measure(control, reference, classes),
        note: [note, ...(remark === undefined ? [] : [remark])].join(", "),
      };
    },
  }));
}

/** Beyond this many values a datum, distances of the values themselves say nothing that an eye would. */
const MAX_VALUES = 4096;

/** Points, table rows, waveforms: data whose values can be compared as they are. Pictures need features. */
function valueRefusal({ datum }: DataDescription): string | undefined {
  if (datum.kind !== "continuous" && datum.kind !== "binary") return "distances need continuous or binary data";
  if (datum.shape.length > 2) return "pictures are compared by features; register a FeatureExtractor for them";
  return sizeOf(datum.shape) > MAX_VALUES ? `values are compared up to ${MAX_VALUES} a datum` : undefined;
}

/** The same for data that are no pictures, on the values themselves; no extractor is needed. */
export const valueMetrics: readonly Metric[] = gradedMetrics(
  {
    energyDistance: {
      summary: "energy distance of samples from data, zero only for equal distributions; lower is better",
      unit: "distance",
      measure: (set, reference) => energyDistance(set.points, reference.points),
    },
    ...NEIGHBOUR_MEASURES,
  },
  {
    nameOf: (measure) => measure,
    refusal: valueRefusal,
    draw: valueSets,
    classes: 0,
    note: "of the values themselves",
  },
);

const COPY_SAMPLES = 1000;

/**
 * Are samples nearer to the training data than new data are? Needs no extractor: it compares the values themselves.
 * The test of Meehan, Chaudhuri, Dasgupta, 2020, §3 (https://arxiv.org/abs/2004.05675), with its statistic as a probability.
 */
export const copying: Metric = {
  name: "copying",
  summary: "probability that a sample is nearer to the training data than test data are: 0.5 like new data, 1 copied",
  group: SAMPLE_METRICS,
  onRequest: true,
  refusal: (_model, { datum }) =>
    datum.kind === "continuous" || datum.kind === "binary" ? undefined : "distances need continuous or binary data",
  async evaluate(context) {
    const { session, dataset, split } = context;
    const { train, test } = dataset.splits;
    const fresh = split === train ? test : split;
    const n = Math.min(COPY_SAMPLES, sampleCount(context).n);
    const width = sizeOf(dataset.datum.shape);
    const rows = ({ data }: HostTensor) => points(data as Float32Array, width);
    const training = {
      count: train.size,
      gather: (indices: Int32Array) => train.gather(indices).x?.data as Float32Array,
    };
    const nearest = (x: HostTensor) => nearestRows(session.engine, rows(x), training);
    const ofSamples = await nearest((await drawExamples(context, n)).x);
    const ofFresh = await nearest(gatherShuffled(fresh, n).x);
    const copies = ofSamples.distance.reduce((count, distance) => count + (distance === 0 ? 1 : 0), 0);
    return {
      ...probabilityBelow(ofSamples.distance, ofFresh.distance),
      n,
      unit: "probability",
      note: `distances of values to ${train.size.toLocaleString("en")} training examples, ${copies} exact copies`,
    };
  },
};
