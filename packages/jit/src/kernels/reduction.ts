import { backend_util, util } from "@tensorflow/tfjs-core";
import type { DType } from "../host-tensor.js";
import { accumulated, attr, input, registerAll, spec } from "./rules.js";
import { type Infer, registerInference } from "./symbolic.js";

/** A reduction over the axes named by an attribute; absent means all. */
function reduction(axisName: string, outDtype: (dtype: DType) => DType): Infer {
  return (inputs, attrs) => {
    const { shape, dtype } = input(inputs, "x");
    const axes = util.parseAxisParam(attr<number[]>(attrs, axisName), shape);
    const [reduced] = backend_util.computeOutAndReduceShapes(shape, axes);
    const out = attr(attrs, "keepDims") ? backend_util.expandShapeToKeepDim(reduced as number[], axes) : reduced;
    return spec(out as number[], outDtype(dtype));
  };
}

const same = (dtype: DType): DType => dtype;
registerAll(["Sum", "Prod"], reduction("axis", accumulated));
registerInference(
  "Mean",
  reduction("axis", () => "float32"),
);
registerAll(["Min", "All", "Any"], reduction("axis", same));
registerInference("Max", reduction("reductionIndices", same));

registerAll(["ArgMax", "ArgMin"], (inputs, attrs) => {
  const { shape } = input(inputs, "x");
  const [axis] = util.parseAxisParam(attr<number>(attrs, "axis"), shape);
  return spec(
    shape.filter((_, i) => i !== axis),
    "int32",
  );
});

registerAll(["Cumsum", "Cumprod"], (inputs) => {
  const { shape, dtype } = input(inputs, "x");
  return spec(shape, accumulated(dtype));
});

registerInference("TopK", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const out = [...shape.slice(0, -1), attr<number>(attrs, "k")];
  return [spec(out, dtype), spec(out, "int32")];
});

registerInference("SearchSorted", (inputs) => spec(input(inputs, "values").shape, "int32"));

registerInference("UnsortedSegmentSum", (inputs, attrs) =>
  spec([attr<number>(attrs, "numSegments"), ...input(inputs, "x").shape.slice(1)], "float32"),
);

registerInference("Einsum", (inputs, attrs) => {
  const operands = Object.keys(inputs).map((name) => input(inputs, name));
  const { allDims, summedDims, idDims } = backend_util.decodeEinsumEquation(attr(attrs, "equation"), operands.length);
  backend_util.checkEinsumDimSizes(allDims.length, idDims, operands as never);
  const sizes: number[] = [];
  operands.forEach(({ shape }, i) => {
    for (const [axis, dim] of (idDims[i] as number[]).entries()) sizes[dim] = shape[axis] as number;
  });
  const dtype = operands[0]?.dtype as DType;
  return spec(sizes.slice(0, allDims.length - summedDims.length), summedDims.length > 0 ? accumulated(dtype) : dtype);
});
