import { backend_util, util } from "@tensorflow/tfjs-core";
import { attr, input, like, type Shape, spec } from "./rules.js";
import { registerInference } from "./symbolic.js";

registerInference("GatherV2", (inputs, attrs) => {
  const x = input(inputs, "x");
  const indices = input(inputs, "indices");
  const axis = util.parseAxisParam(attr<number>(attrs, "axis"), x.shape)[0] as number;
  const info = backend_util.segment_util.collectGatherOpShapeInfo(
    x as never,
    indices as never,
    axis,
    attr<number>(attrs, "batchDims") ?? 0,
  );
  return spec(info.outputShape, x.dtype);
});

registerInference("GatherNd", (inputs) => {
  const params = input(inputs, "params");
  const [shape] = backend_util.prepareAndValidate(params as never, input(inputs, "indices") as never);
  return spec(shape as Shape, params.dtype);
});

registerInference("ScatterNd", (inputs, attrs) => spec(attr<Shape>(attrs, "shape"), input(inputs, "updates").dtype));
registerInference("TensorScatterUpdate", like("tensor"));

registerInference("OneHot", (inputs, attrs) =>
  spec([...input(inputs, "indices").shape, attr<number>(attrs, "depth")], attr(attrs, "dtype") ?? "int32"),
);

registerInference("Diag", (inputs) => {
  const { shape, dtype } = input(inputs, "x");
  return spec([...shape, ...shape], dtype);
});
