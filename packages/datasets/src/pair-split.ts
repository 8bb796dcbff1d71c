import { type FieldSpec, type HostTensor, hostTensor, type Split, sizeOf } from "@latentkit/core";
import { checkIndices } from "./split.js";

/** A source, and what may answer it; the first target is the one that counts where only one can. */
export interface TokenPair {
  readonly source: ArrayLike<number>;
  readonly targets: readonly ArrayLike<number>[];
}

/** Shapes of the rows of pairs, and the ids that fill them up. */
export interface PairLayout {
  readonly sourceLength: number;
  readonly targetLength: number;
  /** Targets of one source at most. Above 1, examples have the field `references`, shape `(references, targetLength)`. */
  readonly references: number;
  readonly pad: number;
  readonly eos: number;
}

/** Pairs as padded rows: `x` holds source, `target` the first target, `references` all of them; unused references are all padding. */
export function pairSplit(pairs: readonly TokenPair[], layout: PairLayout): Split {
  const { sourceLength: S, targetLength: T, references: R } = layout;
  const n = pairs.length;
  const sources = new Int32Array(n * S).fill(layout.pad);
  const targets = new Int32Array(n * T).fill(layout.pad);
  const references = new Int32Array(R > 1 ? n * R * T : 0).fill(layout.pad);
  for (const [i, pair] of pairs.entries()) {
    putRow(sources, i * S, pair.source, layout.eos);
    putRow(targets, i * T, pair.targets[0] as ArrayLike<number>, layout.eos);
    if (R === 1) continue;
    for (const [r, target] of pair.targets.entries()) putRow(references, (i * R + r) * T, target, layout.eos);
  }
  const fields: Record<string, FieldSpec> = {
    x: { shape: [S], dtype: "int32" },
    target: { shape: [T], dtype: "int32" },
    ...(R > 1 ? { references: { shape: [R, T], dtype: "int32" } as const } : {}),
  };
  const stored: Record<string, Int32Array> = { x: sources, target: targets, references };
  return {
    size: n,
    fields,
    gather: (indices) =>
      Object.fromEntries(
        Object.entries(fields).map(([name, { shape }]) => [
          name,
          rowsAt(stored[name] as Int32Array, shape, indices, n),
        ]),
      ),
  };
}

function putRow(rows: Int32Array, at: number, tokens: ArrayLike<number>, eos: number): void {
  rows.set(tokens, at);
  rows[at + tokens.length] = eos;
}

function rowsAt(rows: Int32Array, shape: readonly number[], indices: ArrayLike<number>, n: number): HostTensor {
  checkIndices(indices, n);
  const width = sizeOf(shape);
  const out = new Int32Array(indices.length * width);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i] as number;
    out.set(rows.subarray(index * width, (index + 1) * width), i * width);
  }
  return hostTensor(out, [indices.length, ...shape], "int32");
}
