import { type HostTensor, UserError } from "@latentkit/jit";
import type { Metric } from "../metric.js";
import { type LabelledSet, trainAndTest } from "./classifier.js";
import { controlSplit, drawExamples, type Examples, gatherShuffled, sampleCount } from "./grading.js";
import { SAMPLE_METRICS } from "./sample-metrics.js";

const PASSES = 20; // more change the accuracy on real digits by less than its error
/** Without it 10,000 real digits teach 97.0 %, with it 98.5 %: less of the gap to 100 % is the classifier's own. */
const SHIFT = 2;
const LEARNING_RATE = 2e-3;

/**
 * How well a classifier names real data when it has learned from samples alone: it falls with whatever samples lack, in quality or in variety.
 * Ravuri & Vinyals, 2019, §3 (https://arxiv.org/abs/1905.10887), with a small network in place of their ResNet-50. Beside it stands the same
 * classifier trained on as many real examples.
 */
export const classificationAccuracyScore: Metric = {
  name: "cas",
  summary: "classification accuracy score: accuracy on real data of a classifier trained on conditional samples",
  group: SAMPLE_METRICS,
  onRequest: true,
  refusal(model, { datum }) {
    if (datum.classes === undefined) return "the data have no labels";
    if (!model.conditional) return "the model does not take labels when it samples";
    if (datum.kind !== "continuous" && datum.kind !== "binary") return "the classifier takes continuous or binary data";
    return undefined;
  },
  async evaluate(context) {
    const { session, dataset, split, seed } = context;
    const { n } = sampleCount(context);
    const classes = dataset.datum.classes as number;
    checkCount(n, classes);
    const real = gatherShuffled(controlSplit(dataset, split), n);
    const test = labelled(gatherShuffled(split, n));
    const recipe = {
      network: "small",
      classes,
      passes: PASSES,
      shift: SHIFT,
      learningRate: LEARNING_RATE,
      seed,
    } as const;
    const samples = await drawExamples(context, n, real.label as HostTensor);
    const learned = await trainAndTest(session.engine, labelled(samples), test, recipe);
    const control = await trainAndTest(session.engine, labelled(real), test, recipe);
    return {
      ...learned.accuracy,
      n,
      unit: "share",
      realVsReal: control.accuracy,
      note: `a classifier of ${learned.parameters.toLocaleString("en")} parameters, trained on ${n.toLocaleString("en")} samples, tested on as many real examples`,
    };
  },
};

function checkCount(n: number, classes: number): void {
  if (n >= 2 * classes) return;
  throw new UserError(
    "@latentkit/core",
    `cas needs at least ${2 * classes} samples, 2 a class, got ${n}; raise --limit`,
  );
}

/** Examples as a classifier takes them: binary data are numbers to it. */
function labelled({ x, label }: Examples): LabelledSet {
  return { x: { ...x, dtype: "float32", data: Float32Array.from(x.data) }, label: label as HostTensor };
}
