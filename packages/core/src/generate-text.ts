import { type HostTensor, hostTensor, UserError } from "@latentkit/jit";
import type { Dataset, Tokenizer } from "./data.js";
import type { Session } from "./session.js";

/** What a data set says of its tokens: enough to read prompts and write answers. */
export type TextDescription = Pick<Dataset, "datum" | "tokenizer" | "targetTokenizer">;

/** What is generated from which text. */
export interface TextRequest {
  /** Texts to continue, for models of running text. */
  readonly prompt?: string | readonly string[];
  /** Texts to answer, for models of pairs. */
  readonly source?: string | readonly string[];
  /** Texts for each prompt or source. 1 when absent. */
  readonly n?: number;
  /** Same seed, same texts. 0 when absent. */
  readonly seed?: number;
  /** Texts that end a generated one; they and what follows are left out. */
  readonly stop?: readonly string[];
  /** The model's own sampling options. */
  readonly options?: Readonly<Record<string, unknown>>;
}

/** Generated texts as far as they are known. */
export interface TextFrame {
  /** Steps done, 0 to `steps`. */
  readonly step: number;
  readonly steps: number;
  /** Without prompt; a character whose bytes are not complete yet is left out until the end. Those of one prompt stand together. */
  readonly texts: readonly string[];
}

/** Marks what is no token at the left of a prompt's shorter rows. */
export const NO_TOKEN = -1;

/**
 * Generated texts, token by token.
 *
 * @throws UserError when the model is not of text, a prompt is empty, or holds what the vocabulary lacks.
 */
export async function* streamText(
  session: Session,
  description: TextDescription,
  request: TextRequest,
): AsyncGenerator<TextFrame> {
  const { seed = 0, options = {} } = request;
  const { reader, inputs, rows, prompt } = readRequest(description, request);
  const n = (request.n ?? 1) * rows;
  const write = writer(description.datum, reader, request);
  for await (const { step, steps, x } of session.sampleStream({ n, seed, options, inputs })) {
    const length = x.shape[1] as number;
    const known = length - steps + step;
    const states = Array.from({ length: n }, (_, i) =>
      write(x.data.subarray(i * length + prompt, i * length + known), step === steps),
    );
    yield { step, steps, texts: states.map(({ text }) => text) };
    if (states.every(({ ended }) => ended)) return;
  }
}

/** Generated texts when they are complete. @throws UserError as {@link streamText} does. */
export async function generateText(
  session: Session,
  description: TextDescription,
  request: TextRequest,
): Promise<readonly string[]> {
  let texts: readonly string[] = [];
  if ((request.stop ?? []).length > 0) {
    for await (const frame of streamText(session, description, request)) texts = frame.texts;
    return texts;
  }
  const { seed = 0, options = {} } = request;
  const { reader, inputs, rows, prompt } = readRequest(description, request);
  const n = (request.n ?? 1) * rows;
  const x = await session.sample({ n, seed, options, inputs });
  const length = x.shape[1] as number;
  const write = writer(description.datum, reader, request);
  return Array.from({ length: n }, (_, i) => write(x.data.subarray(i * length + prompt, (i + 1) * length), true).text);
}

/** A request in tokens: tensors for the model, how many texts they hold, and how many columns of its samples are the prompt. */
function readRequest({ datum, tokenizer, targetTokenizer }: TextDescription, { prompt, source }: TextRequest) {
  if (tokenizer === undefined || (datum.kind !== "tokens" && datum.kind !== "pairs"))
    throw refuse(`the model is of ${datum.kind} data, not of text; use sample`);
  if (datum.kind === "tokens") {
    if (source !== undefined) throw refuse("source was given to a model of running text; give a prompt");
    const tensor = prompt === undefined ? undefined : promptTensor(listOf(prompt), tokenizer);
    const inputs: Record<string, HostTensor> = tensor === undefined ? {} : { prompt: tensor };
    const [rows, columns] = (tensor?.shape ?? [1, 0]) as [number, number];
    return { reader: tokenizer, inputs, rows, prompt: columns };
  }
  if (prompt !== undefined) throw refuse("prompt was given to a model of pairs; give a source");
  if (source === undefined) throw refuse("a model of pairs answers a source, got none; give one");
  const tensor = sourceTensor(listOf(source), tokenizer, datum);
  const inputs: Record<string, HostTensor> = { source: tensor };
  return { reader: targetTokenizer ?? tokenizer, inputs, rows: tensor.shape[0] as number, prompt: 0 };
}

const listOf = (texts: string | readonly string[]): readonly string[] => (typeof texts === "string" ? [texts] : texts);

/** Prompts as rows, shorter ones padded at the left. */
function promptTensor(prompts: readonly string[], tokenizer: Tokenizer): HostTensor {
  const rows = prompts.map((prompt) => tokenizer.encode(prompt));
  if (rows.length === 0 || rows.some((ids) => ids.length === 0))
    throw refuse("the prompt is empty; give at least one character, or no prompt at all");
  const length = Math.max(...rows.map((ids) => ids.length));
  const data = new Int32Array(rows.length * length).fill(NO_TOKEN);
  for (const [i, ids] of rows.entries()) data.set(ids, (i + 1) * length - ids.length);
  return hostTensor(data, [rows.length, length], "int32");
}

/** Sources as rows as the data hold them: ended and padded at the right. */
function sourceTensor(
  sources: readonly string[],
  tokenizer: Tokenizer,
  { shape, special }: Dataset["datum"],
): HostTensor {
  const [length] = shape as [number];
  const { pad = 0, eos = 0 } = special ?? {};
  const data = new Int32Array(sources.length * length).fill(pad);
  for (const [i, source] of sources.entries()) {
    const ids = tokenizer.encode(source);
    if (ids.length === 0) throw refuse("the source is empty; give at least one character");
    if (ids.length >= length)
      throw refuse(`the source has ${ids.length} tokens, the model reads at most ${length - 1}; shorten "${source}"`);
    data.set([...ids, eos], i * length);
  }
  return hostTensor(data, [sources.length, length], "int32");
}

/** The text of generated tokens, and whether anything can still follow. */
function writer({ special }: Dataset["datum"], reader: Tokenizer, { stop = [], options = {} }: TextRequest) {
  const ends = new Set<unknown>([special?.eos, ...((options.stopIds as readonly number[] | undefined) ?? [])]);
  return (ids: ArrayLike<number>, isLast: boolean): { text: string; ended: boolean } => {
    const end = Array.from(ids).findIndex((id) => ends.has(id));
    const whole = reader.decode(end < 0 ? ids : Array.from(ids).slice(0, end));
    const text = isLast || end >= 0 ? whole : whole.replace(/\uFFFD+$/, "");
    const cut = Math.min(...stop.map((word) => text.indexOf(word)).filter((at) => at >= 0));
    if (Number.isFinite(cut)) return { text: text.slice(0, cut), ended: true };
    if (isLast || end >= 0) return { text, ended: end >= 0 };
    return { text: text.slice(0, text.length - Math.max(0, ...stop.map((word) => begun(text, word)))), ended: false };
  };
}

/** Length of the end of a text that may become a word: it is held back until that is known. */
function begun(text: string, word: string): number {
  for (let length = Math.min(word.length - 1, text.length); length > 0; length--)
    if (text.endsWith(word.slice(0, length))) return length;
  return 0;
}

function refuse(message: string): UserError {
  return new UserError("@latentkit/core", message);
}
