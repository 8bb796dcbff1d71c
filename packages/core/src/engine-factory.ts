import type { Engine } from "@latentkit/jit";

/** Settings every engine understands; more come with the engine's own factory. */
export interface EngineOptions {
  /** Threads of the native runtime; the number of cores when absent. */
  readonly threads?: number;
  /** The processor, or a graphics card by its number; the engine's choice when absent. */
  readonly device?: EngineDevice;
  /** Of matrix products and convolutions; float32 when absent. */
  readonly precision?: EnginePrecision;
  /** How programs are executed; the engine's choice for each program when absent. */
  readonly lowering?: EngineLowering;
}

export type EngineDevice = "cpu" | "gpu" | `gpu:${number}`;

/** Whether a text names a device. */
export function isDevice(text: string): text is EngineDevice {
  return /^(cpu|gpu(:\d+)?)$/.test(text);
}

/** `bf16`: factors are rounded to bfloat16, sums stay float32. */
export type EnginePrecision = "float32" | "bf16";

/** Whether a text names a precision. */
export function isPrecision(text: string): text is EnginePrecision {
  return text === "float32" || text === "bf16";
}

/** `xla`: compiled as a whole; `clusters`: what lies between convolutions is compiled; `graph`: operation by operation. */
export type EngineLowering = "xla" | "clusters" | "graph";

/** Whether a text names a lowering. */
export function isLowering(text: string): text is EngineLowering {
  return text === "xla" || text === "clusters" || text === "graph";
}

/** An engine that may be used here; registered under the token `ENGINE`. */
export interface EngineFactory {
  /** The word behind `--engine`. */
  readonly name: string;
  readonly summary: string;
  /** `auto` takes the available engine with the highest number. */
  readonly priority: number;
  /** Whether it can run here; what its process settles once (threads) is settled as `create` will be asked. Never throws. */
  probe(options: EngineOptions): Promise<EngineProbe>;
  /** @throws UserError for an option that it cannot fulfil. */
  create(options: EngineOptions): Promise<Engine>;
}

/** What {@link EngineFactory.probe} finds. */
export interface EngineProbe {
  readonly available: boolean;
  /** Versions and settings, or what is missing and what to do. */
  readonly detail: string;
  /** Not available because of a setting that the user made: `auto` stops there, where it would pass over what is not installed. */
  readonly misconfigured?: boolean;
}
