import { backend_util, slice_util, util } from "@tensorflow/tfjs-core";
import { attr, input, inputList, like, type Shape, spec, withDim } from "./rules.js";
import { registerInference } from "./symbolic.js";

registerInference("Reshape", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const size = util.sizeFromShape(shape);
  const out = util.inferFromImplicitShape(attr<Shape>(attrs, "shape"), size);
  if (util.sizeFromShape(out) !== size) throw new Error(`reshape: [${shape}] has ${size} elements, [${out}] does not`);
  return spec(out, dtype);
});

registerInference("ExpandDims", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "input");
  const dim = attr<number>(attrs, "dim");
  return spec(shape.toSpliced(dim < 0 ? shape.length + dim + 1 : dim, 0, 1), dtype);
});

registerInference("Transpose", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  return spec(
    attr<number[]>(attrs, "perm").map((axis) => shape[axis] as number),
    dtype,
  );
});

registerInference("Tile", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const reps = attr<number[]>(attrs, "reps");
  return spec(
    shape.map((dim, i) => dim * (reps[i] as number)),
    dtype,
  );
});

registerInference("Reverse", like("x"));

for (const kernel of ["PadV2", "MirrorPad"]) {
  registerInference(kernel, (inputs, attrs) => {
    const { shape, dtype } = input(inputs, "x");
    const paddings = attr<[number, number][]>(attrs, "paddings");
    return spec(
      paddings.map(([before, after], i) => before + (shape[i] as number) + after),
      dtype,
    );
  });
}

registerInference("Slice", (inputs, attrs) => {
  const x = input(inputs, "x");
  const [begin, size] = slice_util.parseSliceParams(
    x as never,
    attr<Shape>(attrs, "begin"),
    attr<Shape>(attrs, "size"),
  );
  slice_util.assertParamsValid(x as never, begin as Shape, size as Shape);
  return spec(size as Shape, x.dtype);
});

registerInference("StridedSlice", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const info = slice_util.sliceInfo(
    shape,
    attr(attrs, "begin"),
    attr(attrs, "end"),
    attr(attrs, "strides"),
    attr(attrs, "beginMask"),
    attr(attrs, "endMask"),
    attr(attrs, "ellipsisMask"),
    attr(attrs, "newAxisMask"),
    attr(attrs, "shrinkAxisMask"),
  );
  return spec(info.finalShape, dtype);
});

registerInference("Concat", (inputs, attrs) => {
  const parts = inputList(inputs);
  const first = parts[0] as (typeof parts)[0];
  const axis = util.parseAxisParam(attr<number>(attrs, "axis"), first.shape)[0] as number;
  const shapes = parts.map((part) => part.shape);
  backend_util.assertParamsConsistent(shapes, axis);
  return spec(backend_util.computeOutShape(shapes, axis), first.dtype);
});

registerInference("Pack", (inputs, attrs) => {
  const parts = inputList(inputs);
  const { shape, dtype } = parts[0] as (typeof parts)[0];
  for (const part of parts) util.assertShapesMatch(shape, part.shape, "stack: all tensors must have the same shape. ");
  const axis = attr<number>(attrs, "axis");
  return spec(shape.toSpliced(axis < 0 ? shape.length + axis + 1 : axis, 0, parts.length), dtype);
});

registerInference("Unpack", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "value");
  const axis = util.parseAxisParam(attr<number>(attrs, "axis"), shape)[0] as number;
  return Array.from({ length: shape[axis] as number }, () => spec(shape.toSpliced(axis, 1), dtype));
});

registerInference("SplitV", (inputs, attrs) => {
  const x = input(inputs, "x");
  const axis = util.parseAxisParam(attr<number>(attrs, "axis"), x.shape)[0] as number;
  const sizes = backend_util.prepareSplitSize(x as never, attr<number[]>(attrs, "numOrSizeSplits"), axis);
  return sizes.map((size) => spec(withDim(x.shape, axis, size), x.dtype));
});

registerInference("SpaceToBatchND", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const blockShape = attr<Shape>(attrs, "blockShape");
  const paddings = attr<[number, number][]>(attrs, "paddings");
  const padded = shape.map((dim, i) => dim + (paddings[i - 1]?.[0] ?? 0) + (paddings[i - 1]?.[1] ?? 0));
  return spec(backend_util.getReshapedPermuted(padded, blockShape, util.sizeFromShape(blockShape), false), dtype);
});

registerInference("BatchToSpaceND", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const blockShape = attr<Shape>(attrs, "blockShape");
  const merged = backend_util.getReshapedPermuted(shape, blockShape, util.sizeFromShape(blockShape));
  const cropped = backend_util.getSliceSize(merged, attr(attrs, "crops"), blockShape.length);
  return spec([...cropped, ...merged.slice(cropped.length)], dtype);
});
