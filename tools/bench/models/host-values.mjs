import { hostKey, hostTensor, philoxNormal, philoxUniform, sizeOf } from "@latentkit/core";

/** Standard normals of a name: the same on every machine. */
export function normals(name, shape) {
  return hostTensor(philoxNormal(hostKey(0, name), sizeOf(shape)), shape);
}

/** Fair coin flips, 0 or 1. */
export function bits(name, shape) {
  return hostTensor(philoxUniform(hostKey(0, name), sizeOf(shape)).map(Math.round), shape);
}

/** Integers in `[0, n)`, int32. */
export function integers(name, shape, n) {
  const uniform = philoxUniform(hostKey(0, name), sizeOf(shape));
  return hostTensor(
    Int32Array.from(uniform, (u) => Math.floor(u * n)),
    shape,
    "int32",
  );
}
