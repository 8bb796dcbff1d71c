const PACKAGES = { onnx: "@latentkit/engine-onnx", tensorflow: "@latentkit/engine-tensorflow" };

/** An engine by name. @param threads All cores when absent. @throws Error when its package is not installed. */
export async function createEngine(name, threads, precision) {
  const module = await import(PACKAGES[name]);
  return module[name]({
    ...(threads === undefined ? {} : { threads: Number(threads) }),
    ...(precision === undefined ? {} : { precision }),
  });
}
