import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "@latentkit/jit";
import { z } from "zod";
import {
  claimFolder,
  type FolderKind,
  makeFolder,
  requireFreeFolder,
  withFileErrors,
  writeFileAtomic,
} from "../files.js";

/** Marks `comparison.json` as ours and names the version of the folder's layout. */
const FORMAT = "latentkit-comparison/1";
const PLAN = "comparison.json";

const options = z.record(z.string(), z.json());

const planSchema = z.object({
  format: z.literal(FORMAT).default(FORMAT),
  data: z.object({ name: z.string(), options }),
  models: z.array(z.object({ name: z.string(), config: options })).min(1),
  minutes: z.number().positive(),
  samples: z.int().min(2),
  seed: z.int(),
  /** The command that was typed. */
  command: z.string().optional(),
});

/** What is compared, and how: all it takes to continue. */
export type ComparisonPlan = Omit<z.output<typeof planSchema>, "format">;

/** Where the parts of a comparison are. */
export class ComparisonFolder {
  readonly planFile: string;
  readonly reportFile: string;
  readonly figuresFolder: string;
  readonly resultsFolder: string;
  readonly runsFolder: string;

  constructor(readonly path: string) {
    this.planFile = join(path, PLAN);
    this.reportFile = join(path, "report.html");
    this.figuresFolder = join(path, "figures");
    this.resultsFolder = join(path, "results");
    this.runsFolder = join(path, "runs");
  }

  /** The run folder of a model. */
  runOf(model: string): string {
    return join(this.runsFolder, model);
  }

  /** What is known of a model. */
  resultOf(model: string): string {
    return join(this.resultsFolder, `${model}.json`);
  }
}

/** Options of {@link createComparison}. */
interface CreateComparisonOptions {
  /** Delete the comparison that is there. */
  readonly overwrite?: boolean;
}

function comparisonKind(folder: ComparisonFolder): FolderKind {
  const { figuresFolder, resultsFolder, runsFolder, reportFile, planFile } = folder;
  return {
    noun: "comparison",
    isOurs: async () => existsSync(planFile),
    parts: [figuresFolder, resultsFolder, runsFolder, reportFile, planFile],
  };
}

/** Refuses at once what {@link createComparison} would refuse; changes nothing. */
export function requireNoComparison(path: string, { overwrite }: CreateComparisonOptions = {}): Promise<void> {
  return requireFreeFolder(path, comparisonKind(new ComparisonFolder(path)), overwrite);
}

/**
 * Makes a folder for a new comparison.
 *
 * @throws UserError when it cannot be written, holds a comparison and `overwrite` is not given, or holds anything else.
 */
export async function createComparison(
  path: string,
  plan: ComparisonPlan,
  { overwrite }: CreateComparisonOptions = {},
): Promise<ComparisonFolder> {
  const folder = new ComparisonFolder(path);
  const { figuresFolder, resultsFolder, runsFolder, planFile } = folder;
  await claimFolder(path, comparisonKind(folder), overwrite);
  await withFileErrors(`--out ${path} cannot be used`, async () => {
    for (const part of [figuresFolder, resultsFolder, runsFolder]) await makeFolder(part);
  });
  await writeFileAtomic(planFile, `${JSON.stringify({ format: FORMAT, ...plan }, null, 2)}\n`);
  return folder;
}

/** Reads the plan of a comparison. @throws UserError when there is none, or it is broken. */
export async function readComparison(path: string): Promise<{ folder: ComparisonFolder; plan: ComparisonPlan }> {
  const folder = new ComparisonFolder(path);
  const text = await withFileErrors(`${path} is not a comparison: cannot read ${folder.planFile}`, () =>
    readFile(folder.planFile, "utf8"),
  );
  let parsed: ReturnType<typeof planSchema.safeParse>;
  try {
    parsed = planSchema.safeParse(JSON.parse(text));
  } catch {
    throw refusal(`${folder.planFile} is not valid JSON; restore it, or compare again with --overwrite`);
  }
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw refusal(`${folder.planFile} is not a plan of this version (${issue?.path.join(".")}: ${issue?.message})`);
  }
  const { format: _, ...plan } = parsed.data;
  return { folder, plan };
}

const refusal = (message: string): UserError => new UserError("@latentkit/core", message);
