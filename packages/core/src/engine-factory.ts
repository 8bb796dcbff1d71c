import type { Engine } from "@latentkit/jit";

/** Settings every engine understands; more come with the engine's own factory. */
export interface EngineOptions {
  /** Threads of the native runtime; the number of cores when absent. */
  readonly threads?: number;
}

/** An engine that may be used here; registered under the token `ENGINE`. */
export interface EngineFactory {
  /** The word behind `--engine`. */
  readonly name: string;
  readonly summary: string;
  /** `auto` takes the available engine with the highest number. */
  readonly priority: number;
  /** Whether it can run here, and when not, what to do. Never throws. */
  probe(): Promise<{ readonly available: boolean; readonly detail: string }>;
  create(options: EngineOptions): Promise<Engine>;
}
