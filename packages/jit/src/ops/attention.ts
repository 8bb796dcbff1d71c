import { add, div, matMul, mul, softmax, sub, sum, type Tensor, tensor, zerosLike } from "@tensorflow/tfjs-core";
import { defineComposite } from "../composite.js";

type AttentionInputs = { q: Tensor; k: Tensor; v: Tensor; bias: Tensor };

function probabilities({ q, k, bias }: AttentionInputs): Tensor {
  const scores = mul(matMul(q, k, false, true), 1 / Math.sqrt(q.shape[q.rank - 1] as number)); // (B, H, T, S)
  return softmax(add(scores, bias));
}

const attentionKernel = defineComposite<AttentionInputs>({
  name: "ScaledDotProductAttention",
  inputs: ["q", "k", "v", "bias"],
  forward: ({ q, k, v, bias }) => matMul(probabilities({ q, k, v, bias }), v),
  gradient: ([dy], tensors) => {
    const inputs = tensors as AttentionInputs;
    const { q, k, v } = inputs;
    const p = probabilities(inputs);
    const dp = matMul(dy as Tensor, v, false, true);
    const ds = mul(p, sub(dp, sum(mul(dp, p), -1, true))); // (B, H, T, S)
    const scale = Math.sqrt(q.shape[q.rank - 1] as number);
    return {
      q: () => div(matMul(ds, k), scale),
      k: () => div(matMul(ds, q, true, false), scale),
      v: () => matMul(p, dy as Tensor, true, false),
      bias: () => sumToShape(ds, inputs.bias.shape),
    };
  },
});

/** Sums a broadcast gradient back to the shape it was broadcast from. */
function sumToShape(x: Tensor, shape: readonly number[]): Tensor {
  const lead = x.rank - shape.length;
  const axes = x.shape.flatMap((dim, i) => (i < lead || (shape[i - lead] === 1 && dim !== 1) ? [i] : []));
  if (axes.length === 0) return x;
  const summed = sum(x, axes, true);
  return lead === 0
    ? summed
    : sum(
        summed,
        Array.from({ length: lead }, (_, i) => i),
      );
}

/** Large enough to vanish in the softmax, small enough that a fully masked row stays finite. */
const MASKED = -1e9;

/** What {@link scaledDotProductAttention} may not see, or sees differently. */
export interface AttentionOptions {
  /** Position t sees positions up to t (aligned at the end when there are more keys than queries). */
  readonly causal?: boolean;
  /** Added to the scores; broadcasts to `(B, H, T, S)`. Masked positions hold a large negative number. */
  readonly bias?: Tensor;
}

/**
 * `softmax(q k^T / sqrt(D) + bias) v`. Vaswani et al., 2017, §3.2.1. https://arxiv.org/abs/1706.03762
 *
 * @param q Shape `(B, H, T, D)`. @param k Shape `(B, H, S, D)`. @param v Shape `(B, H, S, D)`. @returns Shape `(B, H, T, D)`.
 */
export function scaledDotProductAttention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions = {}): Tensor {
  const masks = [options.causal ? causalBias(q.shape[2] as number, k.shape[2] as number) : undefined, options.bias];
  const given = masks.filter((mask) => mask !== undefined);
  const bias = given.length === 2 ? add(given[0] as Tensor, given[1] as Tensor) : (given[0] ?? zeroBias(q));
  return attentionKernel({ q, k, v, bias }, {}) as Tensor;
}

/** Shape `(1, 1, T, S)`: 0 where allowed, a large negative number above the diagonal. */
export function causalBias(queries: number, keys: number): Tensor {
  const values = new Float32Array(queries * keys);
  for (let t = 0; t < queries; t++) values.fill(MASKED, t * keys + (keys - queries) + t + 1, (t + 1) * keys);
  return tensor(values, [1, 1, queries, keys]);
}

function zeroBias(q: Tensor): Tensor {
  return zerosLike(
    tensor(
      [0],
      Array.from({ length: q.rank }, () => 1),
    ),
  );
}
