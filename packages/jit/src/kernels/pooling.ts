import { backend_util } from "@tensorflow/tfjs-core";
import { attr, input, like, registerAll, spec } from "./rules.js";
import { registerInference } from "./symbolic.js";

for (const kernel of ["AvgPool", "MaxPool"]) {
  registerInference(kernel, (inputs, attrs) => {
    const x = input(inputs, "x");
    const info = backend_util.computePool2DInfo(
      x.shape as [number, number, number, number],
      attr<number>(attrs, "filterSize"),
      attr<number>(attrs, "strides"),
      1,
      attr<"same">(attrs, "pad"),
      attr(attrs, "dimRoundingMode"),
    );
    return spec(info.outShape, x.dtype);
  });
}

for (const kernel of ["AvgPool3D", "MaxPool3D"]) {
  registerInference(kernel, (inputs, attrs) => {
    const x = input(inputs, "x");
    const info = backend_util.computePool3DInfo(
      x.shape as [number, number, number, number, number],
      attr<number>(attrs, "filterSize"),
      attr<number>(attrs, "strides"),
      1,
      attr<"same">(attrs, "pad"),
      attr(attrs, "dimRoundingMode"),
    );
    return spec(info.outShape, x.dtype);
  });
}

registerAll(["AvgPoolGrad", "MaxPoolGrad", "AvgPool3DGrad", "MaxPool3DGrad"], like("input", "float32"));
