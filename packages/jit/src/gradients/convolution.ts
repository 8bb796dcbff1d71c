import { backend_util, batchToSpaceND, spaceToBatchND, type Tensor } from "@tensorflow/tfjs-core";
import type { Attrs } from "../graph.js";
import { defineGradient } from "./define.js";
import { runKernel } from "./run-kernel.js";

type Shape4 = [number, number, number, number];
type Geometry = ReturnType<typeof backend_util.computeConv2DInfo>;

/** The kernels of one kind of convolution; both are bilinear in data and filter. */
interface Family {
  readonly forward: string;
  readonly input: string;
  readonly filter: string;
  readonly depthwise: boolean;
}

const DENSE: Family = {
  forward: "Conv2D",
  input: "Conv2DBackpropInput",
  filter: "Conv2DBackpropFilter",
  depthwise: false,
};

const DEPTHWISE: Family = {
  forward: "DepthwiseConv2dNative",
  input: "DepthwiseConv2dNativeBackpropInput",
  filter: "DepthwiseConv2dNativeBackpropFilter",
  depthwise: true,
};

const DENSE_3D: Family = {
  forward: "Conv3D",
  input: "Conv3DBackpropInputV2",
  filter: "Conv3DBackpropFilterV2",
  depthwise: false,
};

/** Geometry that the three kernels of a family share; the gradient kernels of tfjs-core ignore dilation, so it is 1 here. */
function shared({ strides, pad, dataFormat, dimRoundingMode }: Attrs): Attrs {
  return { strides, pad, dataFormat, dimRoundingMode, dilations: 1 };
}

const inputGradient = (family: Family, dy: Tensor, filter: Tensor, inputShape: number[], attrs: Attrs): Tensor =>
  runKernel(family.input, { dy, filter }, { ...shared(attrs), inputShape });

const filterGradient = (family: Family, x: Tensor, dy: Tensor, filterShape: number[], attrs: Attrs): Tensor =>
  runKernel(family.filter, { x, dy }, { ...shared(attrs), filterShape });

for (const family of [DENSE, DEPTHWISE, DENSE_3D]) {
  defineGradient(family.forward, ["x", "filter"], (dy, { x, filter }, attrs) => {
    const dilations = attrs.dilations as number | number[] | undefined;
    if ([dilations ?? 1].flat().some((rate) => rate > 1)) return dilatedGradients(family, dy, x, filter, attrs);
    return {
      x: () => inputGradient(family, dy, filter, x.shape, attrs),
      filter: () => filterGradient(family, x, dy, filter.shape, attrs),
    };
  });
}

for (const family of [DENSE, DEPTHWISE, DENSE_3D]) {
  const forward = (x: Tensor, filter: Tensor, attrs: Attrs) => runKernel(family.forward, { x, filter }, shared(attrs));
  defineGradient(family.input, ["dy", "filter"], (ddx, { dy, filter }, attrs) => ({
    dy: () => forward(ddx, filter, attrs),
    filter: () => filterGradient(family, ddx, dy, filter.shape, attrs),
  }));
  defineGradient(family.filter, ["x", "dy"], (ddw, { x, dy }, attrs) => ({
    x: () => inputGradient(family, dy, ddw, x.shape, attrs),
    dy: () => forward(x, ddw, attrs),
  }));
}

/**
 * A dilated convolution is a plain one on each of the phases of its input (strides are 1 then). The phases become batch entries, and the
 * gradients are those of the plain convolution. Yu & Koltun, 2016, §2. https://arxiv.org/abs/1511.07122
 */
function dilatedGradients(family: Family, dy: Tensor, x: Tensor, filter: Tensor, attrs: Attrs) {
  if (attrs.dataFormat === "NCHW" || family === DENSE_3D) {
    throw new Error("the gradient of a dilated convolution needs 2-D images of NHWC data");
  }
  const info = backend_util.computeConv2DInfo(
    x.shape as Shape4,
    filter.shape as Shape4,
    attrs.strides as number,
    attrs.dilations as number,
    attrs.pad as "same",
    attrs.dimRoundingMode as undefined,
    family.depthwise,
  );
  const block = [info.dilationHeight, info.dilationWidth];
  const { paddings, crops } = phasePadding(info, block as [number, number]);
  const plain: Attrs = { strides: 1, pad: "valid", dataFormat: "NHWC" };
  const phases = () => spaceToBatchND(x, block, paddings);
  const dyPhases = () => spaceToBatchND(dy, block, crops);
  return {
    x: () => {
      const shape = phaseShape(x.shape, block, paddings);
      return batchToSpaceND(inputGradient(family, dyPhases(), filter, shape, plain), block, paddings);
    },
    filter: () => filterGradient(family, phases(), dyPhases(), filter.shape, plain),
  };
}

/** Padding that makes the padded input, and with it the output, a multiple of the dilation. */
function phasePadding(info: Geometry, [blockHeight, blockWidth]: [number, number]) {
  const { padInfo } = info;
  const axis = (block: number, size: number, before: number, taps: number, out: number) => {
    const padded = Math.ceil((out + (taps - 1) * block) / block) * block;
    return { padding: [before, padded - before - size], crop: [0, padded - (taps - 1) * block - out] };
  };
  const rows = axis(blockHeight, info.inHeight, padInfo.top, info.filterHeight, info.outHeight);
  const columns = axis(blockWidth, info.inWidth, padInfo.left, info.filterWidth, info.outWidth);
  return { paddings: [rows.padding, columns.padding], crops: [rows.crop, columns.crop] };
}

function phaseShape(shape: readonly number[], block: readonly number[], paddings: readonly number[][]): number[] {
  const [batch, height, width, channels] = shape as Shape4;
  const padded = [height, width].map(
    (dim, i) => (dim + (paddings[i] as number[]).reduce((a, b) => a + b, 0)) / (block[i] as number),
  );
  return [batch * (block[0] as number) * (block[1] as number), ...padded, channels];
}
