import { didYouMean, type EngineFactory, eager, UserError } from "@latentkit/core";

/** onnxruntime; loaded when probed or created, not before. */
const onnx: EngineFactory = {
  name: "onnx",
  summary: "compiled graphs on onnxruntime's CPU kernels: fast, installed by npm alone",
  priority: 50,
  async probe() {
    try {
      const { onnx: create } = await import("@latentkit/engine-onnx");
      const engine = create();
      const detail = describe(engine.capabilities.details);
      await engine.dispose();
      return { available: true, detail };
    } catch (error) {
      return { available: false, detail: `${firstLine(error)}; reinstall it: npm install @latentkit/engine-onnx` };
    }
  },
  async create({ threads }) {
    const { onnx: create } = await import("@latentkit/engine-onnx");
    return create(threads === undefined ? {} : { threads });
  },
};

const reference: EngineFactory = {
  name: "eager",
  summary: "the reference: kernel by kernel in JavaScript, slow, runs everywhere",
  priority: 0,
  probe: async () => ({ available: true, detail: "tfjs cpu backend, one thread" }),
  create: async () => eager(),
};

/** The engines that come with the command line. */
export const builtinEngines: readonly EngineFactory[] = [onnx, reference];

/** An engine with what its probe said. */
export interface ProbedEngine {
  readonly factory: EngineFactory;
  readonly available: boolean;
  readonly detail: string;
}

/** All engines, the best first. */
export async function probeEngines(factories: readonly EngineFactory[]): Promise<ProbedEngine[]> {
  const probed = await Promise.all(factories.map(async (factory) => ({ factory, ...(await factory.probe()) })));
  return probed.sort((a, b) => b.factory.priority - a.factory.priority);
}

/**
 * The engine of a name; `auto` is the available one with the highest priority.
 *
 * @throws UserError when it is unknown or cannot run here.
 */
export async function chooseEngine(factories: readonly EngineFactory[], name: string): Promise<EngineFactory> {
  if (name === "auto") {
    const best = (await probeEngines(factories)).find(({ available }) => available);
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
  const { available, detail } = await factory.probe();
  if (!available)
    throw new UserError("@latentkit/cli", `--engine ${name} cannot run here: ${detail}; or use --engine auto`);
  return factory;
}

/** `runtime onnxruntime 1.30.0, threads 2`. */
function describe(details: Readonly<Record<string, unknown>>): string {
  return Object.entries(details)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
}

const firstLine = (error: unknown): string => (error as Error).message.split("\n")[0] ?? "";
