import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { UserError } from "@latentkit/jit";
import type { MetricResult } from "../../metric-result.js";
import { withFileErrors, writeFileAtomic } from "../files.js";
import type { StoredFigure } from "./stored-figure.js";

/** What a model can do, read from its contract. */
export interface Capabilities {
  readonly likelihood: "exact" | "bound" | "none";
  readonly latent: "encode and decode" | "decode" | "none";
  /** Steps of one sampling call with the model's defaults; 0: one pass. */
  readonly samplingSteps: number;
  readonly conditional: boolean;
}

/** A grade in the middle of the training. */
export interface Moment {
  readonly step: number;
  /** Seconds of training before it. */
  readonly seconds: number;
  readonly metrics: Readonly<Record<string, MetricResult>>;
}

/** Samples drawn at one value of the option that trades time for quality. */
export interface CostPoint {
  /** `steps 20`; empty for the model's defaults. */
  readonly label: string;
  readonly secondsPerSample: number;
  readonly quality?: MetricResult;
}

/** How a model of a comparison fared. */
export interface ModelResult {
  readonly name: string;
  readonly summary: string;
  readonly status: "training" | "done" | "failed" | "not applicable";
  /** Why it failed or does not apply. */
  readonly reason?: string;
  readonly moments: readonly Moment[];
  /** Of models that are done. */
  readonly grades?: Grades;
}

/** Everything that is measured of a trained model. */
export interface Grades {
  readonly parameters: number;
  readonly steps: number;
  readonly batchSize: number;
  readonly epochs: number;
  readonly trainSeconds: number;
  readonly examplesPerSecond: number;
  readonly samplesPerSecond: number;
  readonly capabilities: Capabilities;
  readonly metrics: Readonly<Record<string, MetricResult>>;
  /** Why a measurement that was tried has no number, by its name. */
  readonly refused: Readonly<Record<string, string>>;
  readonly costs: readonly CostPoint[];
  readonly figures: readonly StoredFigure[];
}

/** Reads a result; `undefined` when there is none. @throws UserError when the file is no result. */
export async function readResult(path: string): Promise<ModelResult | undefined> {
  if (!existsSync(path)) return undefined;
  const text = await withFileErrors(`cannot read ${path}`, () => readFile(path, "utf8"));
  try {
    return JSON.parse(text, withNaN) as ModelResult;
  } catch {
    throw new UserError("@latentkit/core", `${path} is not valid JSON; delete it, and the model is graded again`);
  }
}

/** Writes a result, all of it or nothing. */
export function writeResult(path: string, result: ModelResult): Promise<void> {
  return writeFileAtomic(path, `${JSON.stringify(result, null, 2)}\n`);
}

/** JSON stores NaN, an error that is not known, as null. */
const withNaN = (key: string, value: unknown): unknown =>
  value === null && (key === "stderr" || key === "value" || key.endsWith("PerSecond")) ? Number.NaN : value;
