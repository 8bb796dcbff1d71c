import { attr, input, like, spec } from "./rules.js";
import { registerInference } from "./symbolic.js";

for (const kernel of ["ResizeBilinear", "ResizeNearestNeighbor"]) {
  registerInference(kernel, (inputs, attrs) => {
    const { shape, dtype } = input(inputs, "images");
    const [batch, , , channels] = shape as [number, number, number, number];
    const [height, width] = attr<[number, number]>(attrs, "size");
    return spec([batch, height, width, channels], kernel === "ResizeBilinear" ? "float32" : dtype);
  });
}

registerInference("ResizeBilinearGrad", like("images", "float32"));
registerInference("ResizeNearestNeighborGrad", like("images"));

registerInference("DepthToSpace", (inputs, attrs) => {
  const { shape, dtype } = input(inputs, "x");
  const [batch, height, width, depth] = shape as [number, number, number, number];
  const block = attr<number>(attrs, "blockSize");
  if (attr(attrs, "dataFormat") === "NCHW") throw new Error("depthToSpace: use NHWC data");
  return spec([batch, height * block, width * block, depth / (block * block)], dtype);
});
