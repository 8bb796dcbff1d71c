import { util } from "@tensorflow/tfjs-core";
import type { DType } from "../host-tensor.js";
import { attr, type Shape, spec } from "./rules.js";
import { registerInference } from "./symbolic.js";

registerInference("Fill", (_inputs, attrs) =>
  spec(
    attr<Shape>(attrs, "shape"),
    attr<DType | undefined>(attrs, "dtype") ?? (util.inferDtype(attr<number>(attrs, "value")) as DType),
  ),
);

registerInference("Range", (_inputs, attrs) => {
  const start = attr<number>(attrs, "start");
  const stop = attr<number>(attrs, "stop");
  const step = attr<number>(attrs, "step");
  const empty = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
  return spec([empty ? 0 : Math.abs(Math.ceil((stop - start) / step))], attr(attrs, "dtype"));
});

registerInference("LinSpace", (_inputs, attrs) => spec([attr<number>(attrs, "num")], "float32"));
