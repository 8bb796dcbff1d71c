import { backend_util } from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";
import { attr, broadcastShapes, input, type Shape, spec } from "./rules.js";
import { type InputSpecs, registerInference } from "./symbolic.js";

type Pad = "same" | "valid" | number | Parameters<typeof backend_util.computeConv2DInfo>[4];
type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

/** Geometry of a 2-D convolution from its kernel's attributes. Depthwise kernels are channels-last whatever `dataFormat` says. */
function conv2dInfo(
  x: Shape,
  filter: Shape,
  attrs: Attrs,
  depthwise: boolean,
  dilations = attr<number>(attrs, "dilations"),
) {
  return backend_util.computeConv2DInfo(
    x as Shape4,
    filter as Shape4,
    attr<number>(attrs, "strides"),
    dilations ?? 1,
    attr<Pad>(attrs, "pad") as "same",
    attr(attrs, "dimRoundingMode"),
    depthwise,
    depthwise ? "channelsLast" : backend_util.convertConv2DDataFormat(attr<"NHWC">(attrs, "dataFormat") ?? "NHWC"),
  );
}

function conv3dInfo(x: Shape, filter: Shape, attrs: Attrs, dilations = attr<number>(attrs, "dilations")) {
  return backend_util.computeConv3DInfo(
    x as Shape5,
    filter as Shape5,
    attr<number>(attrs, "strides"),
    dilations ?? 1,
    attr(attrs, "pad"),
  );
}

for (const [kernel, depthwise] of [
  ["Conv2D", false],
  ["DepthwiseConv2dNative", true],
] as const) {
  registerInference(kernel, (inputs, attrs) => {
    const x = input(inputs, "x");
    return spec(conv2dInfo(x.shape, input(inputs, "filter").shape, attrs, depthwise).outShape, x.dtype);
  });
}

for (const [kernel, depthwise] of [
  ["FusedConv2D", false],
  ["FusedDepthwiseConv2D", true],
] as const) {
  registerInference(kernel, (inputs, attrs) => {
    const x = input(inputs, "x");
    return withBias(inputs, attrs, conv2dInfo(x.shape, input(inputs, "filter").shape, attrs, depthwise).outShape);
  });
}

function withBias(inputs: InputSpecs, attrs: Attrs, shape: Shape) {
  const { dtype } = input(inputs, "x");
  if (inputs.bias === undefined || attr(attrs, "dataFormat") === "NCHW") return spec(shape, dtype);
  return spec(broadcastShapes(shape, inputs.bias.shape), dtype);
}

registerInference("_FusedMatMul", (inputs, attrs) => {
  const product = matMulShape(inputs, attrs);
  return spec(inputs.bias ? broadcastShapes(product, inputs.bias.shape) : product, input(inputs, "a").dtype);
});

registerInference("BatchMatMul", (inputs, attrs) => spec(matMulShape(inputs, attrs), input(inputs, "a").dtype));

function matMulShape(inputs: InputSpecs, attrs: Attrs): Shape {
  const a = input(inputs, "a").shape;
  const b = input(inputs, "b").shape;
  const [rows, innerA] = lastTwo(a, attr(attrs, "transposeA"));
  const [innerB, columns] = lastTwo(b, attr(attrs, "transposeB"));
  if (innerA !== innerB)
    throw new Error(`matMul: inner dimensions ${innerA} and ${innerB} of [${a}] and [${b}] differ`);
  return [...broadcastShapes(a.slice(0, -2), b.slice(0, -2)), rows, columns];
}

function lastTwo(shape: Shape, swap: boolean): [number, number] {
  const [m, n] = shape.slice(-2) as [number, number];
  return swap ? [n, m] : [m, n];
}

// The gradient kernels know the result's shape by an attribute; the geometry is computed to refuse a dy that does not fit it.
for (const [kernel, depthwise] of [
  ["Conv2DBackpropInput", false],
  ["DepthwiseConv2dNativeBackpropInput", true],
] as const) {
  registerInference(kernel, (inputs, attrs) => {
    const shape = attr<Shape>(attrs, "inputShape");
    const { outShape } = conv2dInfo(
      shape,
      input(inputs, "filter").shape,
      attrs,
      depthwise,
      depthwise ? attr(attrs, "dilations") : 1,
    );
    checkOutput(kernel, outShape, input(inputs, "dy").shape);
    return spec(shape, "float32");
  });
}

for (const [kernel, depthwise] of [
  ["Conv2DBackpropFilter", false],
  ["DepthwiseConv2dNativeBackpropFilter", true],
] as const) {
  registerInference(kernel, (inputs, attrs) => {
    const shape = attr<Shape>(attrs, "filterShape");
    const { outShape } = conv2dInfo(
      input(inputs, "x").shape,
      shape,
      attrs,
      depthwise,
      depthwise ? attr(attrs, "dilations") : 1,
    );
    checkOutput(kernel, outShape, input(inputs, "dy").shape);
    return spec(shape, "float32");
  });
}

function checkOutput(kernel: string, expected: Shape, actual: Shape): void {
  if (`${expected}` !== `${actual}`)
    throw new Error(`${kernel}: dy has shape [${actual}], the convolution gives [${expected}]`);
}

registerInference("Conv3D", (inputs, attrs) => {
  const x = input(inputs, "x");
  return spec(conv3dInfo(x.shape, input(inputs, "filter").shape, attrs).outShape, x.dtype);
});

registerInference("Conv3DBackpropInputV2", (_inputs, attrs) => spec(attr<Shape>(attrs, "inputShape"), "float32"));
registerInference("Conv3DBackpropFilterV2", (_inputs, attrs) => spec(attr<Shape>(attrs, "filterShape"), "float32"));
