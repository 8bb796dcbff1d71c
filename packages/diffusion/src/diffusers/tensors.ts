import { type HostTensor, hostTensor, sizeOf, UserError } from "@latentkit/core";

/*
 * Tensors of a UNet2DModel by their names there, and by their paths here. Convolutions are stored as (out, in, height, width) and linear layers as
 * (out, in); ours are (height, width, in, out) and (in, out).
 */

/** Names that attention had until diffusers 0.16. */
const OLD_NAMES: Readonly<Record<string, string>> = {
  query: "to_q",
  key: "to_k",
  value: "to_v",
  proj_attn: "to_out.0",
};

/** What a layer's tensors are called here. */
const OURS: readonly (readonly [layer: RegExp, weight: string, bias: string])[] = [
  [/(^|\.)(norm1|norm2|group_norm|conv_norm_out)$/, "scale", "offset"],
  [/(^|\.)class_embedding$/, "embedding", "bias"],
  [/./, "kernel", "bias"],
];

/** The path of a tensor among our parameters. @param hasTimeTable Whether `time_proj` is a table, not frequencies. */
export function pathOf(name: string, hasTimeTable: boolean): string {
  const current = name
    .split(".")
    .map((part) => (Object.hasOwn(OLD_NAMES, part) ? OLD_NAMES[part] : part))
    .join(".");
  const cut = current.lastIndexOf(".");
  const [layer, kind] = [current.slice(0, cut), current.slice(cut + 1)];
  if (layer === "time_proj") return hasTimeTable ? "time_proj.embedding" : "time_proj.kernel"; // `W` in old files
  const [, weight, bias] = OURS.find(([pattern]) => pattern.test(layer)) as (typeof OURS)[number];
  return `${layer}.${kind === "weight" ? weight : kind === "bias" ? bias : kind}`;
}

/** The name of a tensor by its path. */
export function nameOf(path: string): string {
  const cut = path.lastIndexOf(".");
  const kind = path.slice(cut + 1);
  return `${path.slice(0, cut)}.${kind === "offset" || kind === "bias" ? "bias" : "weight"}`;
}

const isKernel = (path: string): boolean => path.endsWith(".kernel");

/** As ours are stored. Convolutions of one pixel stand for linear layers in some old files. */
export function toOurs(path: string, tensor: HostTensor): HostTensor {
  if (!isKernel(path)) return tensor;
  if (tensor.shape.length === 4) {
    const moved = permuted(tensor, [2, 3, 1, 0]);
    const [height, width, ...rest] = moved.shape;
    const isLinear = /\.to_(q|k|v|out\.0)\.kernel$/.test(path) && height === 1 && width === 1;
    return isLinear ? { ...moved, shape: rest } : moved;
  }
  return tensor.shape.length === 2 ? permuted(tensor, [1, 0]) : tensor;
}

/** As theirs are stored. */
export function toTheirs(path: string, tensor: HostTensor): HostTensor {
  if (!isKernel(path)) return tensor;
  if (tensor.shape.length === 4) return permuted(tensor, [3, 2, 0, 1]);
  return tensor.shape.length === 2 ? permuted(tensor, [1, 0]) : tensor;
}

/** A copy with its axes in another order. */
function permuted({ shape, data, dtype }: HostTensor, order: readonly number[]): HostTensor {
  const strides = shape.map((_, i) => sizeOf(shape.slice(i + 1)));
  const sizes = order.map((axis) => shape[axis] as number);
  const steps = order.map((axis) => strides[axis] as number);
  const moved = data.slice();
  const position = sizes.map(() => 0);
  let from = 0;
  for (let to = 0; to < moved.length; to++) {
    moved[to] = data[from] as number;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1;
      from += steps[axis] as number;
      if ((position[axis] as number) < (sizes[axis] as number)) break;
      from -= (position[axis] as number) * (steps[axis] as number);
      position[axis] = 0;
    }
  }
  return hostTensor(moved, sizes, dtype);
}

/** A tensor of the other sign. */
export function negated(tensor: HostTensor): HostTensor {
  return hostTensor(
    Float32Array.from(tensor.data, (value) => -value),
    tensor.shape,
  );
}

/** A table with one more row, of zeros. @throws UserError when it is no table. */
export function withZeroRow(table: HostTensor | undefined): HostTensor {
  const [rows = 0, width = 0] = table?.shape ?? [];
  if (table === undefined || table.shape.length !== 2) {
    throw new UserError("@latentkit/diffusion", "class_embedding.weight must be a table of classes, rows and columns");
  }
  const data = new Float32Array((rows + 1) * width);
  data.set(table.data);
  return hostTensor(data, [rows + 1, width]);
}

/** A table without its last row. */
export function withoutLastRow({ data, shape }: HostTensor): HostTensor {
  const [rows, width] = shape as [number, number];
  return hostTensor(data.slice(0, (rows - 1) * width) as Float32Array, [rows - 1, width]);
}
