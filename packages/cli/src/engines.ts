import {
  didYouMean,
  type Engine,
  type EngineFactory,
  type EngineOptions,
  type EngineProbe,
  eager,
  UserError,
} from "@latentkit/core";

/** TensorFlow's C library, when there is one on this machine; loaded when probed or created, not before. */
const tensorflow: EngineFactory = {
  name: "tensorflow",
  summary:
    "compiled graphs on TensorFlow's kernels, oneDNN, XLA and GPUs: the fastest, `latentkit setup tensorflow` installs it",
  priority: 100,
  async probe(options) {
    try {
      const { findLibrary } = await import("@latentkit/engine-tensorflow");
      if (findLibrary() === undefined) return { available: false, detail: NOT_INSTALLED };
      return { available: true, detail: await describeAndDispose(await createTensorflow(options)) };
    } catch (error) {
      const misconfigured = process.env.LATENTKIT_LIBTENSORFLOW !== undefined;
      return { available: false, detail: firstLine(error), misconfigured };
    }
  },
  create: createTensorflow,
};

const NOT_INSTALLED = "its library is not installed; run latentkit setup tensorflow";

async function createTensorflow(options: EngineOptions): Promise<Engine> {
  const { tensorflow: create } = await import("@latentkit/engine-tensorflow");
  return create(options);
}

/** onnxruntime; loaded when probed or created, not before. */
const onnx: EngineFactory = {
  name: "onnx",
  summary: "compiled graphs on onnxruntime's CPU kernels: fast, installed by npm alone",
  priority: 50,
  async probe() {
    try {
      const { onnx: create } = await import("@latentkit/engine-onnx");
      return { available: true, detail: await describeAndDispose(create()) };
    } catch (error) {
      return { available: false, detail: `${firstLine(error)}; reinstall it: npm install @latentkit/engine-onnx` };
    }
  },
  async create(options) {
    refuseOther("onnx", options);
    const { onnx: create } = await import("@latentkit/engine-onnx");
    return create(options.threads === undefined ? {} : { threads: options.threads });
  },
};

const reference: EngineFactory = {
  name: "eager",
  summary: "the reference: kernel by kernel in JavaScript, slow, runs everywhere",
  priority: 0,
  probe: async () => ({ available: true, detail: "tfjs cpu backend, one thread" }),
  async create(options) {
    refuseOther("eager", options);
    return eager();
  },
};

/** Refuses what only the tensorflow engine can do. */
function refuseOther(name: string, { device = "cpu", precision = "float32", lowering }: EngineOptions): void {
  const instead = (setup: string) =>
    `; use --engine tensorflow (latentkit setup tensorflow${setup} installs its library)`;
  if (device !== "cpu")
    throw new UserError(
      "@latentkit/cli",
      `--device ${device}: the ${name} engine computes on the CPU only${instead(" --gpu")}`,
    );
  if (precision !== "float32")
    throw new UserError(
      "@latentkit/cli",
      `--precision ${precision}: the ${name} engine computes in float32 only${instead("")}`,
    );
  if (lowering !== undefined)
    throw new UserError(
      "@latentkit/cli",
      `--lowering ${lowering}: the ${name} engine executes programs in one way only${instead("")}`,
    );
}

/** The engines that come with the command line. */
export const builtinEngines: readonly EngineFactory[] = [tensorflow, onnx, reference];

/** An engine with what its probe said. */
export interface ProbedEngine extends EngineProbe {
  readonly factory: EngineFactory;
}

/** All engines, the best first. */
export async function probeEngines(
  factories: readonly EngineFactory[],
  options: EngineOptions = {},
): Promise<ProbedEngine[]> {
  const probed = await Promise.all(factories.map(async (factory) => ({ factory, ...(await factory.probe(options)) })));
  return probed.sort((a, b) => b.factory.priority - a.factory.priority);
}

/**
 * The engine of a name; `auto` is the available one with the highest priority.
 *
 * @throws UserError when it is unknown or cannot run here, for `auto` also when a better one cannot because of a wrong setting.
 */
export async function chooseEngine(
  factories: readonly EngineFactory[],
  name: string,
  { threads }: EngineOptions = {},
): Promise<EngineFactory> {
  const settled = threads === undefined ? {} : { threads };
  if (name === "auto") {
    const best = (await probeEngines(factories, settled)).find(
      ({ available, misconfigured }) => available || misconfigured,
    );
    if (best?.misconfigured)
      throw new UserError("@latentkit/cli", `--engine auto stops at ${best.factory.name}: ${best.detail}`);
    if (best === undefined) throw new UserError("@latentkit/cli", "no engine can run here; see latentkit doctor");
    return best.factory;
  }
  const factory = factories.find((candidate) => candidate.name === name);
  if (factory === undefined) {
    const names = ["auto", ...factories.map((candidate) => candidate.name)];
    throw new UserError(
      "@latentkit/cli",
      `unknown engine "${name}"${didYouMean(name, names)}; known: ${names.join(", ")}`,
    );
  }
  const { available, detail } = await factory.probe(settled);
  if (!available)
    throw new UserError("@latentkit/cli", `--engine ${name} cannot run here: ${detail}; or use --engine auto`);
  return factory;
}

async function describeAndDispose(engine: Engine): Promise<string> {
  const detail = describe(engine.capabilities.details);
  await engine.dispose();
  return detail;
}

/** `runtime onnxruntime 1.30.0, threads 2`. */
function describe(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

const firstLine = (error: unknown): string => (error as Error).message.split("\n")[0] ?? "";
