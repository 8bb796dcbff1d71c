import { type Dataset, pieces, type Tokenizer } from "@latentkit/core";
import { type PairLayout, pairSplit, type TokenPair } from "./pair-split.js";
import { refusal } from "./refusal.js";
import type { SplitName } from "./word-hash.js";

/** A source text, and the texts that may answer it. */
export interface TextPair {
  readonly source: string;
  readonly targets: readonly string[];
}

export type TextPairSplits = Readonly<Record<"train" | "test", readonly TextPair[]>> & {
  readonly valid?: readonly TextPair[];
};

/** The two ways into one numbering: a word of the source and an equal word of the target are different tokens unless both share a tokenizer. */
export interface PairTokenizers {
  readonly source: Tokenizer;
  readonly target: Tokenizer;
  /** Text of every id of both. */
  readonly tokens: readonly string[];
}

/** Ids that rows of pairs need, and what the tokens are called in `tokenizer.json`. */
export const PAIR_TOKENS = ["<pad>", "<s>", "</s>"] as const;
const PAIR_SPECIAL = { pad: 0, bos: 1, eos: 2 } as const;

/** What one token is. `class`: the whole text is one token. */
export type PairPiece = "characters" | "words" | "class";

const PIECES = { characters: "character", words: "word", class: "text" } as const;

/** Vocabularies of the pieces that occur, the source's before the target's, each sorted by code point. */
export function pieceTokenizers(pairs: TextPairSplits, source: PairPiece, target: PairPiece): PairTokenizers {
  const all = Object.values(pairs).flat() as TextPair[];
  const sources = distinctPieces(
    all.map((pair) => pair.source),
    source,
  );
  const targets = distinctPieces(
    all.flatMap((pair) => pair.targets),
    target,
  );
  const special = PAIR_TOKENS;
  const firstTarget = special.length + sources.length;
  return {
    source: pieces(PIECES[source], { tokens: sources, special }),
    target: pieces(PIECES[target], { tokens: targets, special, firstId: firstTarget }),
    tokens: [...special, ...sources, ...targets],
  };
}

function distinctPieces(texts: readonly string[], piece: PairPiece): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    const parts = piece === "characters" ? text : piece === "words" ? text.split(/\s+/) : [text];
    for (const part of parts) if (part !== "") found.add(part);
  }
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

/** How long rows are, and what becomes of pairs that are longer. */
export interface PairLengths {
  /** Tokens of a source at most; the longest's when absent. */
  readonly maxSource?: number | undefined;
  readonly maxTarget?: number | undefined;
}

/**
 * Makes a data set of pairs of texts. A training example is a source with one of its targets; an example of the other splits is a source
 * with all of them. Pairs longer than asked for are left out, and the title says how many.
 *
 * @throws UserError when a split keeps no pair.
 */
export function textPairDataset(
  pairs: TextPairSplits,
  tokenizers: PairTokenizers,
  lengths: PairLengths,
  about: Pick<Dataset, "name" | "title" | "licence" | "source" | "files" | "targetNouns">,
): Dataset {
  const encoded = { train: encode(pairs.train, tokenizers), test: encode(pairs.test, tokenizers) };
  const valid = pairs.valid && encode(pairs.valid, tokenizers);
  const all = [...encoded.train, ...encoded.test, ...(valid ?? [])];
  const longest = (rows: readonly ArrayLike<number>[]) => rows.reduce((most, row) => Math.max(most, row.length), 1);
  const maxSource = lengths.maxSource ?? longest(all.map((pair) => pair.source));
  const maxTarget = lengths.maxTarget ?? longest(all.flatMap((pair) => pair.targets));
  const fits = ({ source, targets }: TokenPair) =>
    source.length <= maxSource && targets.every((target) => target.length <= maxTarget);
  const kept = all.filter(fits);
  const layout: PairLayout = {
    sourceLength: maxSource + 1, // and the end
    targetLength: maxTarget + 1,
    references: kept.reduce((most, { targets }) => Math.max(most, targets.length), 1),
    pad: PAIR_SPECIAL.pad,
    eos: PAIR_SPECIAL.eos,
  };
  const splitOf = (name: SplitName, rows: readonly TokenPair[]) => {
    const fitting = rows.filter(fits);
    if (fitting.length > 0) return fitting;
    throw refusal(
      `${about.name}: no pair of the ${name} split has at most ${maxSource} and ${maxTarget} tokens; raise maxSource or maxTarget`,
    );
  };
  const train = splitOf("train", encoded.train).flatMap(({ source, targets }) =>
    targets.map((target) => ({ source, targets: [target] })),
  );
  const dropped = all.length - kept.length;
  return {
    ...about,
    title:
      dropped === 0
        ? about.title
        : `${about.title} (${dropped} pairs longer than ${maxSource} and ${maxTarget} tokens left out)`,
    datum: {
      kind: "pairs",
      shape: [layout.sourceLength],
      target: [layout.targetLength],
      vocabulary: tokenizers.tokens.length,
      special: PAIR_SPECIAL,
    },
    tokens: tokenizers.tokens,
    tokenizer: tokenizers.source,
    targetTokenizer: tokenizers.target,
    splits: {
      train: pairSplit(train, { ...layout, references: 1 }),
      test: pairSplit(splitOf("test", encoded.test), layout),
      ...(valid ? { valid: pairSplit(splitOf("valid", valid), layout) } : {}),
    },
  };
}

function encode(pairs: readonly TextPair[], { source, target }: PairTokenizers): TokenPair[] {
  return pairs.map((pair) => ({
    source: source.encode(pair.source),
    targets: pair.targets.map((text) => target.encode(text)),
  }));
}
