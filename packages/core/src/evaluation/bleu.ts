/**
 * Corpus BLEU. Papineni et al., 2002, https://aclanthology.org/P02-1040
 * as sacreBLEU defines it (Post, 2018, https://arxiv.org/abs/1804.08771; signature `nrefs:var|case:mixed|eff:no|tok:13a|smooth:exp`).
 */
import { hostKey, philoxUniform } from "@latentkit/jit";

const MAX_ORDER = 4;
const RESAMPLES = 500;

/** What one answer adds to the counts that BLEU is made of. */
interface BleuCounts {
  readonly length: number;
  /** Of the reference whose length is nearest; of two, the shorter. */
  readonly referenceLength: number;
  /** N-grams that a reference has too, each at most as often as there, by order from 1 to 4. */
  readonly matches: readonly number[];
  readonly totals: readonly number[];
}

/** A corpus score between 0 and 100. */
export interface BleuScore {
  readonly score: number;
  /** Precisions of 1- to 4-grams in per cent, smoothed where nothing matches. */
  readonly precisions: readonly number[];
  readonly brevityPenalty: number;
}

/**
 * BLEU of a corpus of at least one answer.
 *
 * @param answers Texts as people write them; they are tokenised here.
 * @param references For each answer the right ones.
 */
export function bleu(answers: readonly string[], references: readonly (readonly string[])[]): BleuScore {
  return scoreOf(sumOf(answers.map((answer, i) => countsOf(answer, references[i] ?? []))));
}

/** BLEU with its standard error: the spread over 500 resamples of the corpus (Koehn, 2004). @param seed Of the resampling. */
export function bleuWithError(
  answers: readonly string[],
  references: readonly (readonly string[])[],
  seed = 0,
): { value: number; stderr: number; n: number } {
  const counts = answers.map((answer, i) => countsOf(answer, references[i] ?? []));
  const n = counts.length;
  const scores = Array.from({ length: RESAMPLES }, (_, r) => {
    const places = philoxUniform(hostKey(seed, "resample", r), n);
    return scoreOf(sumOf(Array.from(places, (u) => counts[Math.min(n - 1, Math.floor(u * n))] as BleuCounts))).score;
  });
  const mean = scores.reduce((sum, score) => sum + score, 0) / RESAMPLES;
  const variance = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0) / (RESAMPLES - 1);
  return { value: scoreOf(sumOf(counts)).score, stderr: Math.sqrt(variance), n };
}

function countsOf(answer: string, references: readonly string[]): BleuCounts {
  const words = tokenize13a(answer);
  const others = references.map(tokenize13a);
  const matches = new Array<number>(MAX_ORDER).fill(0);
  const totals = new Array<number>(MAX_ORDER).fill(0);
  for (let order = 1; order <= MAX_ORDER; order++) {
    const counted = others.map((other) => ngrams(other, order));
    for (const [ngram, count] of ngrams(words, order)) {
      const most = counted.reduce((max, found) => Math.max(max, found.get(ngram) ?? 0), 0);
      matches[order - 1] = (matches[order - 1] as number) + Math.min(count, most);
      totals[order - 1] = (totals[order - 1] as number) + count;
    }
  }
  return { length: words.length, referenceLength: nearestLength(words.length, others), matches, totals };
}

function ngrams(words: readonly string[], order: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + order <= words.length; i++) {
    const ngram = words.slice(i, i + order).join(" ");
    counts.set(ngram, (counts.get(ngram) ?? 0) + 1);
  }
  return counts;
}

function nearestLength(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((reference) => reference.length).sort((a, b) => a - b);
  return lengths.reduce(
    (best, next) => (Math.abs(next - length) < Math.abs(best - length) ? next : best),
    lengths[0] ?? 0,
  );
}

function sumOf(all: readonly BleuCounts[]): BleuCounts {
  const matches = new Array<number>(MAX_ORDER).fill(0);
  const totals = new Array<number>(MAX_ORDER).fill(0);
  let [length, referenceLength] = [0, 0];
  for (const counts of all) {
    length += counts.length;
    referenceLength += counts.referenceLength;
    for (let i = 0; i < MAX_ORDER; i++) {
      matches[i] = (matches[i] as number) + (counts.matches[i] as number);
      totals[i] = (totals[i] as number) + (counts.totals[i] as number);
    }
  }
  return { length, referenceLength, matches, totals };
}

/** Geometric mean of the precisions times the brevity penalty. Orders without a match count half, a quarter … of one: smoothing `exp`. */
function scoreOf({ length, referenceLength, matches, totals }: BleuCounts): BleuScore {
  const brevityPenalty = length >= referenceLength ? 1 : length === 0 ? 0 : Math.exp(1 - referenceLength / length);
  if (matches.every((match) => match === 0)) return { score: 0, precisions: matches.map(() => 0), brevityPenalty };
  let smoothing = 1;
  const precisions = matches.map((match, i) => {
    const total = totals[i] as number;
    if (total === 0) return 0; // no answer has so many words; then the score is 0
    if (match > 0) return (100 * match) / total;
    smoothing *= 2;
    return 100 / (smoothing * total);
  });
  const mean = precisions.reduce((sum, precision) => sum + Math.log(precision), 0) / MAX_ORDER;
  return { score: brevityPenalty * Math.exp(mean), precisions, brevityPenalty };
}

/** Words as the script mteval-v13a of the WMT evaluations cuts them. */
export function tokenize13a(text: string): string[] {
  return ` ${unescapeMarks(text.trimEnd())} `
    .replace(/([{-~[-` -&(-+:-@/])/gu, " $1 ")
    .replace(/([^0-9])([.,])/gu, "$1 $2 ") // period and comma, unless a digit is before
    .replace(/([.,])([^0-9])/gu, " $1 $2") // or after them
    .replace(/([0-9])(-)/gu, "$1 $2 ") // a dash after a digit
    .split(/\s+/u)
    .filter((word) => word !== "");
}

function unescapeMarks(text: string): string {
  return text
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
}
