/** How good a model's answers to the sources of pairs are: error rates and BLEU over the whole split. */
import { type HostTensor, sizeOf } from "@latentkit/jit";
import type { Dataset, SpecialTokens, Split } from "../data.js";
import type { Metric, MetricContext } from "../metric.js";
import type { MetricResult } from "../metric-result.js";
import { bleuWithError } from "./bleu.js";
import { type Edits, errorRate, nearestEdits } from "./edit-distance.js";
import { measuredOnce } from "./measured-once.js";

/** Examples answered at every evaluation during training. */
const MONITORED = 500;

/** An answer and what it might have been, without padding and ends. */
interface Answer {
  readonly tokens: Int32Array;
  /** At least one; the first is the target that training would use. */
  readonly references: readonly Int32Array[];
}

/** Measurements of a model's best answers, greedy ones; they apply to pairs only. */
export const answerMetrics: readonly Metric[] = [
  answerMetric(
    "tokenErrorRate",
    "edits to the nearest right answer for every hundred of its tokens",
    (answers, { dataset }) => {
      const noun = dataset.targetNouns?.token ?? "token";
      return { ...errorRate(answers.map(editsOf)), unit: "%", note: `${noun} error rate${ofReferences(answers)}` };
    },
  ),
  answerMetric(
    "exactMatchError",
    "share of the sources whose answer is none of the right ones",
    (answers, { dataset }) => {
      const noun = dataset.targetNouns?.whole ?? "target";
      const wrong = answers.map((answer) => ({ edits: Math.min(1, editsOf(answer).edits), length: 1 }));
      return { ...errorRate(wrong), unit: "%", note: `${noun} error rate${ofReferences(answers)}` };
    },
  ),
  answerMetric(
    "wordErrorRate",
    "edits in words to the nearest right text for every hundred of its words",
    (answers, context) => {
      const read = readerOf(context.dataset);
      const words = (tokens: Int32Array) => read(tokens).split(/\s+/).filter(Boolean);
      const edits = answers.map(({ tokens, references }) => nearestEdits(words(tokens), references.map(words)));
      return { ...errorRate(edits), unit: "%", note: `words of the text between blanks${ofReferences(answers)}` };
    },
  ),
  answerMetric(
    "bleu",
    "corpus BLEU as sacreBLEU computes it: 13a words, exponential smoothing",
    (answers, { dataset, seed }) => {
      const read = readerOf(dataset);
      const texts = answers.map(({ tokens }) => read(tokens));
      const references = answers.map((answer) => answer.references.map(read));
      return { ...bleuWithError(texts, references, seed), unit: "BLEU", note: "case:mixed eff:no tok:13a smooth:exp" };
    },
  ),
];

function answerMetric(
  name: string,
  summary: string,
  measure: (answers: readonly Answer[], context: MetricContext) => MetricResult,
): Metric {
  const onText = name === "bleu" || name === "wordErrorRate";
  return {
    name,
    summary,
    ...(onText ? { onRequest: true } : { monitor: MONITORED }),
    refusal: ({ answers, datum }) => {
      if (datum.kind !== "pairs") return "the data are not pairs of sources and targets";
      return answers === undefined ? "the model gives no answers to sources" : undefined;
    },
    evaluate: async (context) => measure(await answersOf(context), context),
  };
}

const editsOf = ({ tokens, references }: Answer): Edits => nearestEdits(tokens, references);

const ofReferences = (answers: readonly Answer[]): string =>
  answers.some(({ references }) => references.length > 1) ? ", by the nearest reference" : "";

/** Token ids to text. */
function readerOf({ tokenizer, targetTokenizer, tokens = [] }: Dataset): (ids: Int32Array) => string {
  const reader = targetTokenizer ?? tokenizer;
  return (ids) => reader?.decode(ids) ?? Array.from(ids, (id) => tokens[id] ?? String(id)).join(" ");
}

/** The answers to a split; computed once for all metrics that are measured together. */
function answersOf(context: MetricContext): Promise<readonly Answer[]> {
  return measuredOnce(context, `answers ${context.limit}`, () => answer(context));
}

async function answer({ session, split, seed, limit = split.size }: MetricContext): Promise<readonly Answer[]> {
  const { answers, datum } = session.model;
  const rows = await session.perExampleScan(answers as NonNullable<typeof answers>, split, { seed, limit });
  const length = rows.shape[1] as number;
  return Array.from({ length: rows.shape[0] as number }, (_, i) => ({
    tokens: withoutPadding(rows.data.subarray(i * length, (i + 1) * length) as Int32Array, datum.special),
    references: referencesOf(split, i, datum.special),
  }));
}

function referencesOf(split: Split, i: number, special: SpecialTokens | undefined): Int32Array[] {
  const { references, target } = split.gather([i]);
  const { data, shape } = (references ?? target) as HostTensor;
  const length = shape.at(-1) as number;
  return Array.from(
    { length: sizeOf(shape) / length },
    (_, r) => data.subarray(r * length, (r + 1) * length) as Int32Array,
  )
    .filter((row, r) => r === 0 || row[0] !== special?.pad)
    .map((row) => withoutPadding(row, special));
}

/** The tokens before the first end or padding. */
function withoutPadding(row: Int32Array, { pad, eos }: SpecialTokens = {}): Int32Array {
  const end = row.findIndex((id) => id === pad || id === eos);
  return end < 0 ? row : row.subarray(0, end);
}
