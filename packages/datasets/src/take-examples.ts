/** Copies some examples, in the order given. @param width Values of one example. */
export function takeExamples<A extends Uint8Array | Float32Array>(values: A, width: number, which: Int32Array): A {
  const out = new (values.constructor as new (n: number) => A)(which.length * width);
  for (let i = 0; i < which.length; i++) {
    const from = (which[i] as number) * width;
    out.set(values.subarray(from, from + width), i * width);
  }
  return out;
}
