/** The engine of a name; `tensorflow` where it is installed. */
export async function engineOf(name) {
  if (name === "onnx") return (await import("@latentkit/engine-onnx")).onnx();
  return (await import(`@latentkit/engine-${name}`))[name]();
}

/** `["layers=6", "coupling=spline"]` as an object; numbers are numbers. */
export function settings(assignments) {
  return Object.fromEntries(
    assignments.map((text) => {
      const [name, value] = text.split("=");
      return [name, Number.isNaN(Number(value)) ? value : Number(value)];
    }),
  );
}
