/** What a likelihood is for every character and byte of the text: comparable between tokenizers, as nats a token are not. */
import { type HostTensor, sizeOf } from "@latentkit/jit";
import type { Tokenizer } from "../data.js";
import type { Metric, MetricContext } from "../metric.js";
import { ratioOfMeans } from "./edit-distance.js";
import { likelihoods } from "./measured-once.js";

/** Measurements of a likelihood of text. */
export const textMetrics: readonly Metric[] = [
  bitsPer("bitsPerCharacter", "character", (bytes) => bytes.filter(startsCharacter).length),
  bitsPer("bitsPerByte", "byte", (bytes) => bytes.length),
];

/** In UTF-8 all bytes of a character but the first are `10xxxxxx`. Unicode 15, table 3-6. */
const startsCharacter = (byte: number): boolean => (byte & 0xc0) !== 0x80;

function bitsPer(name: string, noun: string, count: (bytes: Uint8Array) => number): Metric {
  return {
    name,
    summary: `negative log-likelihood in bits for every ${noun} of the text that the model predicts`,
    refusal: (model, { datum, tokens, tokenizer }) => {
      if (datum.kind !== "tokens" || (tokens ?? tokenizer) === undefined) return "the data are not text";
      return model.logProb === undefined ? "the model has no exact likelihood" : undefined;
    },
    async evaluate(context) {
      const { session, dataset } = context;
      const { datum } = session.model;
      const { tokenizer } = dataset;
      const values = await likelihoods("logProb", context);
      const counts = unitCounts(tokenizer, dataset.tokens, count);
      const units = predictedUnits(context, values.data.length, datum.context ?? 0, counts);
      const bits = Float64Array.from(values.data, (nats) => -nats / Math.LN2);
      return { ...ratioOfMeans(bits, units), unit: `bits/${noun}` };
    },
  };
}

/** How many characters or bytes each token stands for; its own text where there is no tokenizer. */
function unitCounts(
  tokenizer: Tokenizer | undefined,
  tokens: readonly string[] = [],
  count: (bytes: Uint8Array) => number,
): number[] {
  const encoder = new TextEncoder();
  if (tokenizer === undefined) return tokens.map((token) => count(encoder.encode(token)));
  return Array.from({ length: tokenizer.size }, (_, id) => count(tokenizer.bytes(id)));
}

/** Units of the tokens that each example's likelihood is about: all but the first `given`. */
function predictedUnits({ split }: MetricContext, n: number, given: number, counts: readonly number[]): Float64Array {
  const units = new Float64Array(n);
  const rows = 250;
  for (let start = 0; start < n; start += rows) {
    const indices = Array.from({ length: Math.min(rows, n - start) }, (_, i) => start + i);
    const { data, shape } = split.gather(indices).x as HostTensor;
    const length = sizeOf(shape.slice(1));
    for (const i of indices) {
      const from = (i - start) * length;
      for (let t = given; t < length; t++) units[i] = (units[i] as number) + (counts[data[from + t] as number] ?? 0);
    }
  }
  return units;
}
