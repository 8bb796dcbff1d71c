import { product, range } from "@latentkit/jit/lowering";
import type { OnnxValue } from "../proto.js";
import { activate } from "./activation.js";
import { MICROSOFT, type OnnxBuilder } from "./builder.js";
import { type Call, registerLowering } from "./registry.js";

registerLowering("BatchMatMul", (b, call) => matMul(b, call.input("a"), call.input("b"), transposes(call)));

registerLowering("_FusedMatMul", (b, call) => {
  const y = matMul(b, call.input("a"), call.input("b"), transposes(call), call.optional("bias"));
  return activate(b, y, call);
});

interface Transposes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

function transposes({ attr }: Call): Transposes {
  return { transposeA: attr<boolean>("transposeA") ?? false, transposeB: attr<boolean>("transposeB") ?? false };
}

/** `a b + bias` with either matrix transposed; leading axes broadcast. */
export function matMul(b: OnnxBuilder, a: OnnxValue, c: OnnxValue, t: Transposes, bias?: OnnxValue): OnnxValue {
  if (a.type !== "float32")
    return b.cast(matMul(b, b.cast(a, "float32"), b.cast(c, "float32"), t, bias && b.cast(bias, "float32")), a.type);
  if (isMatrix(a) && isMatrix(c)) return gemm(b, a, c, t, bias);
  const y = batched(b, a, c, t);
  return bias === undefined ? y : b.add(y, bias);
}

/** All leading axes are 1, or there are none. */
function isMatrix(x: OnnxValue): boolean {
  return product(x.shape.slice(0, -2)) === 1;
}

function gemm(
  b: OnnxBuilder,
  a: OnnxValue,
  c: OnnxValue,
  { transposeA, transposeB }: Transposes,
  bias?: OnnxValue,
): OnnxValue {
  const [left, right] = [b.reshape(a, a.shape.slice(-2)), b.reshape(c, c.shape.slice(-2))];
  const rows = left.shape[transposeA ? 1 : 0] as number;
  const columns = right.shape[transposeB ? 0 : 1] as number;
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0 };
  const fused = bias !== undefined && bias.shape.length <= 2;
  const inputs = fused ? [left, right, bias] : [left, right];
  const y = b.op("Gemm", inputs, [rows, columns], a.type, { attributes });
  const lead = a.shape.length >= c.shape.length ? a.shape.slice(0, -2) : c.shape.slice(0, -2);
  const shaped = b.reshape(y, [...lead, rows, columns]);
  return bias === undefined || fused ? shaped : b.add(shaped, bias);
}

/** With one matrix on the right, all rows on the left are one matrix; otherwise onnxruntime's own batched product, which takes transposes. */
function batched(b: OnnxBuilder, a: OnnxValue, c: OnnxValue, { transposeA, transposeB }: Transposes): OnnxValue {
  if (isMatrix(c) && !transposeA && c.shape.length <= a.shape.length) {
    const inner = a.shape.at(-1) as number;
    const y = gemm(b, b.reshape(a, [product(a.shape) / Math.max(1, inner), inner]), b.reshape(c, c.shape.slice(-2)), {
      transposeA,
      transposeB,
    });
    return b.reshape(y, [...a.shape.slice(0, -1), y.shape[1] as number]);
  }
  if (!transposeA && !transposeB) return b.matMul(a, c);
  if (b.portable) return b.matMul(transposeA ? swap(b, a) : a, transposeB ? swap(b, c) : c);
  const [left, right] = [transposeA ? swapped(a.shape) : a.shape, transposeB ? swapped(c.shape) : c.shape];
  const { shape } = { shape: [...leading(left, right), left.at(-2) as number, right.at(-1) as number] };
  const attributes = { transA: transposeA ? 1 : 0, transB: transposeB ? 1 : 0, alpha: { float: 1 } };
  return b.op("FusedMatMul", [a, c], shape, a.type, { attributes, domain: MICROSOFT });
}

/** The matrices of x transposed. */
function swap(b: OnnxBuilder, x: OnnxValue): OnnxValue {
  const rank = x.shape.length;
  return b.transpose(x, [...range(rank - 2), rank - 1, rank - 2]);
}

function swapped(shape: readonly number[]): number[] {
  return [...shape.slice(0, -2), shape.at(-1) as number, shape.at(-2) as number];
}

function leading(a: readonly number[], c: readonly number[]): number[] {
  const rank = Math.max(a.length, c.length) - 2;
  return range(rank).map((i) => Math.max(a[i - rank + a.length - 2] ?? 1, c[i - rank + c.length - 2] ?? 1));
}
