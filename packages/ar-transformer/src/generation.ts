import { type HostTensor, NO_TOKEN, type SampleInput, type SamplingPlan } from "@latentkit/core";
import type { Architecture } from "./architecture.js";
import { refuse } from "./architecture.js";
import type { ArSampleOptions } from "./config.js";
import type { Lengths } from "./sampler.js";
import type { Task } from "./tasks/task.js";

/** The tensors that a sampler takes: a beginning to continue, or a source to answer. Rows are read once, and spread over the samples. */
export function inputsOf({ sourceLength }: Task): Record<string, SampleInput> {
  const rows = { dtype: "int32", spread: true } as const;
  if (sourceLength !== undefined) {
    return {
      source: { ...rows, shape: [sourceLength], summary: "token ids to answer, ended and padded as in the data" },
    };
  }
  return {
    prompt: { ...rows, shape: [null], summary: `token ids to continue, ${NO_TOKEN} at the left of shorter rows` },
  };
}

/**
 * The lengths of a generation.
 *
 * @throws UserError when inputs do not suit the model or the window is too short.
 */
export function lengthsOf(
  architecture: Architecture,
  task: Task,
  options: ArSampleOptions,
  { inputs = {} }: SamplingPlan,
): Lengths {
  if (inputs.prompt?.shape[1] === 0)
    throw refuse("the prompt is empty; give at least one token, or no prompt for an unconditional sample");
  const given = inputs.prompt?.shape[1];
  const begin = task.beginCounts ? 0 : 1;
  const prompt = given === undefined ? 1 : given + begin;
  const rest = task.length - (prompt - 1);
  const steps = options.maxNewTokens === "auto" ? Math.max(1, rest) : options.maxNewTokens;
  const { blockSize } = architecture;
  if (prompt > blockSize) {
    throw refuse(
      `a prompt of ${prompt} tokens is longer than blockSize ${blockSize}, the longest sequence that the model looks at; shorten it`,
    );
  }
  const needed = prompt + steps - 1; // the last token is not read
  if (needed <= blockSize) return { prompt, steps, slots: growingSlots(prompt, prompt + steps), slide: 0 };
  if (options.overflow === "refuse" || task.sourceLength !== undefined) {
    throw refuse(
      `prompt and maxNewTokens need ${needed} positions, the model has ${blockSize} (blockSize); ask for at most ${blockSize - prompt + 1} tokens`,
    );
  }
  if (blockSize < 2) throw refuse("overflow slide needs a blockSize of at least 2; use refuse");
  return { prompt, steps, slots: [blockSize], slide: blockSize - Math.floor(blockSize / 2) };
}

/** Sizes of a growing cache: each costs a compilation, and a step reads as much as there is room for. */
const SIZES = 4;
const LEAST_GROWTH = 128;

/** Up to {@link SIZES} sizes in equal distances of at least {@link LEAST_GROWTH} columns, those that hold more than the prompt. */
function growingSlots(prompt: number, columns: number): Lengths["slots"] {
  const count = Math.max(1, Math.min(SIZES, Math.floor(columns / LEAST_GROWTH)));
  const smaller = Array.from({ length: count - 1 }, (_, i) => Math.ceil(((i + 1) * columns) / count / 16) * 16); // whole vectors
  const [first = columns, ...rest] = [...smaller.filter((size) => size > prompt && size < columns), columns];
  return [first, ...rest];
}

/** @throws UserError for an id outside the vocabulary, or padding that is not at the left of a prompt. */
export function checkInputValues(task: Task, inputs: Readonly<Record<string, HostTensor>>): void {
  for (const [name, { data, shape }] of Object.entries(inputs)) {
    const length = shape[1] as number;
    const lowest = name === "prompt" ? NO_TOKEN : 0;
    data.forEach((id, i) => {
      if (id < lowest || id >= task.outputs)
        throw refuse(
          `${name}: token id ${id} is outside the vocabulary of ${task.outputs} tokens (0 to ${task.outputs - 1})`,
        );
      const isPadded = id === NO_TOKEN;
      if (isPadded && i % length > 0 && data[i - 1] !== NO_TOKEN)
        throw refuse(`${name}: padding (${NO_TOKEN}) must stand at the left of a row, got it behind a token`);
      if (isPadded && i % length === length - 1)
        throw refuse(`${name}: row ${Math.floor(i / length)} holds no token; give at least one`);
    });
  }
}

/** @throws UserError when options contradict each other or the vocabulary. */
export function checkSampleOptions(task: Task, options: ArSampleOptions): void {
  const { beams, topK, stopIds, temperature, repetitionPenalty } = options;
  const size = task.outputs;
  if (beams > size) throw refuse(`beams must be at most the vocabulary of ${size} tokens, got ${beams}; ask for fewer`);
  if (2 * beams > beams * size) throw refuse(`beams need at least 2 tokens to choose from, got ${size}`);
  if (topK > size) throw refuse(`topK must be at most the vocabulary of ${size} tokens, got ${topK}; ask for fewer`);
  const outside = stopIds.find((id) => id >= size);
  if (outside !== undefined)
    throw refuse(`stopIds: token id ${outside} is outside the vocabulary of ${size} tokens (0 to ${size - 1})`);
  if (beams === 1) return;
  if (repetitionPenalty !== 1)
    throw refuse(`repetitionPenalty must be 1 with beams, got ${repetitionPenalty}; leave out one of them`);
  if (temperature === 0) throw refuse("temperature must not be 0 with beams, which draw nothing; leave it out");
}
