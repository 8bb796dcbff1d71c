import { UserError } from "@latentkit/jit";
import type { DatasetSource } from "../../data.js";
import type { Evaluator } from "../../evaluator.js";
import type { ConfiguredModel } from "../../plugin.js";
import { compareModel, type ModelRequest, reasonOf } from "./compare-model.js";
import {
  type ComparisonFolder,
  type ComparisonPlan,
  createComparison,
  readComparison,
  requireNoComparison,
} from "./comparison-folder.js";
import { writeComparisonReport } from "./comparison-report.js";
import { realFigure } from "./model-figures.js";
import { type ModelResult, readResult, writeResult } from "./result.js";

/** What {@link compareModels} compares. */
export interface ComparisonRequest
  extends Pick<ModelRequest, "createEngine" | "signal" | "onProgress" | "onStage" | "onWarning" | "versions"> {
  readonly models: readonly ConfiguredModel[];
  readonly data: DatasetSource;
  /** Minutes of training for each model, evaluation not counted. */
  readonly minutes: number;
  /** Samples behind each grade, and test examples behind each likelihood. */
  readonly samples: number;
  readonly seed: number;
  readonly out: string;
  readonly evaluator: Evaluator;
  /** Delete a comparison that is there already. */
  readonly overwrite?: boolean;
  /** Continue the comparison that is in `out`: models that are done stay as they are. */
  readonly resume?: boolean;
  readonly command?: string | undefined;
  /** Told what became of each model. */
  readonly onResult?: (result: ModelResult) => void;
  /**
   * Calls {@link compareOne} for a model in another process, whose memory ends with it and whose crash takes nothing down. Resolves when it has
   * ended, and rejects with the reason when it ended badly. Without it everything happens in this process.
   */
  readonly elsewhere?: (model: string) => Promise<void>;
}

/** How a comparison ended. */
export interface Comparison {
  readonly results: readonly ModelResult[];
  readonly interrupted: boolean;
  readonly reportFile: string;
}

/**
 * Trains several models on the same data for the same time, grades all alike, and writes `report.html`, anew after each. A model that fails or
 * cannot take the data is told so in the report; it stops nothing.
 *
 * @throws UserError when the data cannot be read, or files cannot be written.
 */
export async function compareModels(request: ComparisonRequest): Promise<Comparison> {
  const { models, data, seed, out, onStage = () => {}, signal } = request;
  const overwrite = request.overwrite === true;
  if (!request.resume) await requireNoComparison(out, { overwrite });
  onStage(`loading ${data.name}`);
  const dataset = await data.load(seed);
  const plan = planOf(request);
  const folder = request.resume ? (await readComparison(out)).folder : await createComparison(out, plan, { overwrite });
  const real = await realFigure(dataset);
  const results: ModelResult[] = [];
  const report = () => writeComparisonReport({ folder, plan, dataset, results, real, expected: models.length });
  for (const model of models) {
    const result = signal?.aborted
      ? undefined
      : request.elsewhere
        ? await resultOfElsewhere(request, request.elsewhere, folder, model)
        : await compareModel({ ...request, model, dataset, plan, folder });
    if (result === undefined) return { results, interrupted: true, reportFile: await report() };
    results.push(result);
    request.onResult?.(result);
    await report();
  }
  return { results, interrupted: false, reportFile: folder.reportFile };
}

/**
 * Trains and grades one model of a comparison that exists; writes its result and no report.
 *
 * @returns `undefined` when it was interrupted; everything is saved then.
 * @throws UserError when there is no such comparison or model, or the data cannot be read.
 */
export async function compareOne(
  request: Omit<ComparisonRequest, "onResult" | "elsewhere">,
  name: string,
): Promise<ModelResult | undefined> {
  const { models, data, seed, out } = request;
  const { folder, plan } = await readComparison(out);
  const model = models.find(({ plugin }) => plugin.name === name);
  if (model === undefined) throw new UserError("@latentkit/core", `the comparison in ${out} has no model "${name}"`);
  return compareModel({ ...request, model, dataset: await data.load(seed), plan, folder });
}

/** What another process made of a model; the reason when it left nothing. */
async function resultOfElsewhere(
  { signal }: ComparisonRequest,
  elsewhere: (model: string) => Promise<void>,
  folder: ComparisonFolder,
  { plugin: { name, summary } }: ConfiguredModel,
): Promise<ModelResult | undefined> {
  const path = folder.resultOf(name);
  const known = await readResult(path);
  if (known?.status === "done") return known;
  const broken = await elsewhere(name).then(() => undefined, reasonOf);
  const result = await readResult(path);
  if (signal?.aborted && result?.status !== "done") return undefined;
  if (broken === undefined && result !== undefined && result.status !== "training") return result;
  const reason = broken ?? "its process ended before it was done";
  const failed: ModelResult = { name, summary, moments: result?.moments ?? [], status: "failed", reason };
  await writeResult(path, failed);
  return failed;
}

function planOf({ models, data, minutes, samples, seed, command }: ComparisonRequest): ComparisonPlan {
  return JSON.parse(
    JSON.stringify({
      data: { name: data.name, options: data.options },
      models: models.map(({ plugin, config }) => ({ name: plugin.name, config })),
      ...{ minutes, samples, seed, command },
    }),
  ) as ComparisonPlan;
}
