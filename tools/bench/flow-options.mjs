/** The engine of `onnx`, `tensorflow` or `tensorflow:LOWERING`. @param options Further ones, `threads` for example. */
export async function engineOf(text, options = {}) {
  const [name, lowering] = text.split(":");
  if (name === "onnx") return (await import("@latentkit/engine-onnx")).onnx(options);
  const { tensorflow } = await import("@latentkit/engine-tensorflow");
  return tensorflow(lowering === undefined ? options : { ...options, lowering });
}

/** `["layers=6", "coupling=spline"]` as an object; numbers and booleans are what they look like. */
export function settings(assignments) {
  return Object.fromEntries(
    assignments.map((text) => {
      const [name, value] = text.split("=");
      try {
        return [name, JSON.parse(value)];
      } catch {
        return [name, value];
      }
    }),
  );
}
