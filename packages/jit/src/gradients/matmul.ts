import { einsum, matMul, mul, reshape, type Tensor } from "@tensorflow/tfjs-core";
import { defineGradient, defineListGradient } from "./define.js";
import { keptShape, spread, sumTo } from "./shapes.js";

// tfjs-core forgets to sum over batch dimensions that were broadcast, so a (B, T, n) times an (n, m) has no gradient there.
defineGradient("BatchMatMul", ["a", "b"], (dy, { a, b }, attrs) => {
  const transposeA = Boolean(attrs.transposeA);
  const transposeB = Boolean(attrs.transposeB);
  return {
    a: () => {
      const da = transposeA ? matMul(b, dy, transposeB, true) : matMul(dy, b, false, !transposeB);
      return sumTo(da, a.shape);
    },
    b: () => {
      if (!transposeA && isMatrix(b) && !isMatrix(dy)) return reshape(weightGradient(a, dy, transposeB), b.shape);
      const db = transposeB ? matMul(dy, a, true, transposeA) : matMul(a, dy, !transposeA, false);
      return sumTo(db, b.shape);
    },
  };
});

const isMatrix = (t: Tensor): boolean => t.shape.slice(0, -2).every((dim) => dim === 1);

/** The gradient of weights shared by a batch, as one product over all rows instead of a sum of products. */
function weightGradient(a: Tensor, dy: Tensor, transposed: boolean): Tensor {
  const rows = (t: Tensor) => reshape(t, [-1, t.shape[t.rank - 1] as number]);
  return transposed ? matMul(rows(dy), rows(a), true) : matMul(rows(a), rows(dy), true);
}

defineListGradient("Einsum", (dy, operands, { equation }) => {
  const [terms = "", output = ""] = (equation as string).replace(/\s/g, "").split("->");
  const labels = terms.split(",");
  return Object.fromEntries(operands.map((_, i) => [i, () => einsumGradient(dy, output, operands, labels, i)]));
});

/** The gradient of operand `i`: the output's gradient contracted with the other operand, spread over labels that only `i` has. */
function einsumGradient(
  dy: Tensor,
  output: string,
  operands: readonly Tensor[],
  labels: readonly string[],
  i: number,
): Tensor {
  const own = labels[i] as string;
  const other = operands[1 - i];
  const otherLabels = other === undefined ? "" : (labels[1 - i] as string);
  const known = [...own].filter((label) => output.includes(label) || otherLabels.includes(label)).join("");
  const contracted = contract(dy, output, other, otherLabels, known);
  const shape = (operands[i] as Tensor).shape;
  const alone = [...own].flatMap((label, axis) => (known.includes(label) ? [] : [axis]));
  return alone.length === 0 ? contracted : spread(reshape(contracted, keptShape(shape, alone)), shape, alone);
}

function contract(dy: Tensor, output: string, other: Tensor | undefined, otherLabels: string, known: string): Tensor {
  if (other === undefined) return output === known ? dy : einsum(`${output}->${known}`, dy);
  if (dy.rank === 0) return mul(dy, otherLabels === known ? other : einsum(`${otherLabels}->${known}`, other));
  return einsum(`${output},${otherLabels}->${known}`, dy, other);
}
