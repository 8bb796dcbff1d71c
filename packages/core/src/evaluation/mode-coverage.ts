import { type HostTensor, sizeOf } from "@latentkit/jit";
import type { Metric, MetricContext } from "../metric.js";
import { classCounts } from "./classes.js";
import { nearestRows } from "./copying.js";
import type { FeatureExtractor } from "./extractor.js";
import { drawSets, gradeSets } from "./grading.js";
import { points } from "./points.js";

/** A class counts as covered when its share among the samples is at least this part of its share in the data. */
const COVERED = 0.25;

/** Classes of samples, of the data they are compared with, and of as many other real examples. */
interface NamedSets {
  readonly n: number;
  readonly samples: Int32Array;
  readonly reference: Int32Array;
  readonly control: Int32Array;
  /** Who named them. */
  readonly by: string;
}

/**
 * Classes that samples cover, missing ones being modes that a generator has dropped. A classifier names the samples where one fits the data,
 * else each gets the class of the nearest example of the split under evaluation; the result's note says which. Beside it stands what as many real
 * examples cover: with few samples of many classes they miss some too.
 */
export function modeCoverage(extractors: readonly FeatureExtractor[]): Metric {
  return {
    name: "modes",
    summary:
      "classes that samples cover with at least a quarter of the data's share, named by a classifier that fits the data, else by the nearest example",
    onRequest: true,
    refusal(_model, { datum }) {
      if (datum.classes === undefined) return "the data have no labels";
      return datum.kind === "continuous" || datum.kind === "binary" ? undefined : "it needs continuous or binary data";
    },
    async evaluate(context) {
      const { dataset } = context;
      const classes = dataset.datum.classes as number;
      const extractor = extractors.find((e) => e.classes === classes && e.fits(dataset));
      const { n, samples, reference, control, by } = await (extractor
        ? byClassifier(extractor, context)
        : byNearest(context));
      const covered = (labels: Int32Array) => coveredClasses(labels, reference, classes);
      return {
        value: covered(samples),
        stderr: Number.NaN,
        n,
        unit: `of ${classes}`,
        note: by,
        realVsReal: { value: covered(control), stderr: Number.NaN },
      };
    },
  };
}

async function byClassifier(extractor: FeatureExtractor, context: MetricContext): Promise<NamedSets> {
  const { n, samples, reference, control } = await gradeSets(extractor, context);
  const by = `classes by ${extractor.name}`;
  return { n, samples: samples.labels, reference: reference.labels, control: control.labels, by };
}

async function byNearest(context: MetricContext): Promise<NamedSets> {
  const { session, dataset, split } = context;
  const { n, samples, reference, control } = await drawSets(context);
  const width = sizeOf(dataset.datum.shape);
  const known = { count: split.size, gather: (rows: Int32Array) => split.gather(rows).x?.data as Float32Array };
  const name = async ({ x }: { readonly x: HostTensor }): Promise<Int32Array> => {
    const { index } = await nearestRows(session.engine, points(x.data as Float32Array, width), known);
    return split.gather(index).label?.data as Int32Array;
  };
  return {
    n,
    samples: await name(samples),
    reference: reference.label?.data as Int32Array,
    control: await name(control),
    by: `classes by the nearest of ${split.size.toLocaleString("en")} examples`,
  };
}

function coveredClasses(labels: Int32Array, reference: Int32Array, classes: number): number {
  const [found, expected] = [classCounts(labels, classes), classCounts(reference, classes)];
  const share = labels.length / reference.length;
  return found.filter((count, c) => count > 0 && count >= COVERED * share * (expected[c] as number)).length;
}
