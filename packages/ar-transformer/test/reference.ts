/** A decoder-only transformer in float64 loops, written from the papers and not from the package: what its networks are compared with. */
import type { Architecture } from "../src/architecture.js";

type Row = number[];
type Rows = Row[];
/** Parameters by path, as nested arrays. */
export type Weights = (path: string) => any;

const dot = (a: Row, b: Row): number => a.reduce((sum, v, i) => sum + v * (b[i] as number), 0);
const plus = (a: Row, b: Row): Row => a.map((v, i) => v + (b[i] as number));

function linear(weights: Weights, path: string, x: Row): Row {
  const kernel = weights(`${path}.weight`) as Rows;
  const bias = weights(`${path}.bias`) as Row | undefined;
  return (kernel[0] as Row).map((_, j) => x.reduce((s, v, i) => s + v * (kernel[i] as Row)[j]!, bias?.[j] ?? 0));
}

function norm({ norm: kind, epsilon }: Architecture, weights: Weights, path: string, x: Row): Row {
  const mean = kind === "layer" ? x.reduce((a, b) => a + b, 0) / x.length : 0;
  const variance = x.reduce((s, v) => s + (v - mean) ** 2, 0) / x.length;
  const [scale, offset] = [weights(`${path}.weight`) as Row, weights(`${path}.bias`) as Row | undefined];
  return x.map((v, i) => ((v - mean) / Math.sqrt(variance + epsilon)) * (scale[i] as number) + (offset?.[i] ?? 0));
}

const softmax = (x: Row): Row => {
  const e = x.map((v) => Math.exp(v - Math.max(...x)));
  return e.map((v) => v / e.reduce((a, b) => a + b, 0));
};

/** Pairs (i, i + D/2) turn by position / 10000^(2 i / D). */
function turn(x: Row, position: number): Row {
  const half = x.length / 2;
  return x.map((v, i) => {
    const angle = position / 10000 ** ((i % half) / half);
    const other = i < half ? -(x[i + half] as number) : (x[i - half] as number);
    return v * Math.cos(angle) + other * Math.sin(angle);
  });
}

function attention(a: Architecture, weights: Weights, path: string, x: Rows): Rows {
  const projected = x.map((row) => linear(weights, `${path}.c_attn`, row));
  const place = (head: Row, name: string, t: number) => {
    const scaled = a.qkNorm ? norm(a, weights, `${path}.${name}`, head) : head;
    return a.positions === "rope" ? turn(scaled, t) : scaled;
  };
  const head = (row: Row, i: number) => row.slice(i * a.headDim, (i + 1) * a.headDim);
  const joined = x.map((_, t) =>
    Array.from({ length: a.nHead }, (_, h) => {
      const group = Math.floor(h / (a.nHead / a.nKvHead));
      const q = place(head(projected[t] as Row, h), "q_norm", t);
      const past = projected.slice(0, t + 1);
      const keys = past.map((row, s) => place(head(row, a.nHead + group), "k_norm", s));
      const p = softmax(keys.map((k) => dot(q, k) / Math.sqrt(a.headDim)));
      const values = past.map((row) => head(row, a.nHead + a.nKvHead + group));
      return q.map((_, i) => p.reduce((s, weight, j) => s + weight * (values[j] as Row)[i]!, 0));
    }).flat(),
  );
  return joined.map((row) => linear(weights, `${path}.c_proj`, row));
}

function feedForward(a: Architecture, weights: Weights, path: string, x: Row): Row {
  const inner = linear(weights, `${path}.c_fc`, x);
  const silu = (v: number) => v / (1 + Math.exp(-v));
  const gelu = (v: number) => 0.5 * v * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3)));
  const active =
    a.activation === "swiglu"
      ? inner.slice(0, a.feedForward).map((v, i) => silu(v) * (inner[a.feedForward + i] as number))
      : inner.map(gelu);
  return linear(weights, `${path}.c_proj`, active);
}

/** Logits of every position of one sequence, pre-norm. */
export function gptReference(a: Architecture, weights: Weights, tokens: readonly number[]): Rows {
  const table = weights("transformer.wte.weight") as Rows;
  const places = weights("transformer.wpe.weight") as Rows | undefined;
  let x = tokens.map((id, t) => (places === undefined ? (table[id] as Row) : plus(table[id] as Row, places[t] as Row)));
  for (let i = 0; i < a.nLayer; i++) {
    const path = `transformer.h.${i}`;
    const attended = attention(
      a,
      weights,
      `${path}.attn`,
      x.map((row) => norm(a, weights, `${path}.ln_1`, row)),
    );
    x = x.map((row, t) => plus(row, attended[t] as Row));
    x = x.map((row) => plus(row, feedForward(a, weights, `${path}.mlp`, norm(a, weights, `${path}.ln_2`, row))));
  }
  const output = (weights("lm_head.weight") as Rows | undefined) ?? table;
  return x.map((row) =>
    output.slice(0, a.outputs).map((vector) => dot(norm(a, weights, "transformer.ln_f", row), vector)),
  );
}
