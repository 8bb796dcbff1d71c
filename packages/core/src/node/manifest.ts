import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type CheckpointInfo, type CheckpointMeta, checkpointName } from "../checkpoint.js";

/** Version of a checkpoint's layout on disk. */
const CHECKPOINT_VERSION = 1;
export const MANIFEST_FILE = "manifest.json";

const manifestSchema = z.object({
  format: z.literal("latentkit-checkpoint"),
  version: z.literal(CHECKPOINT_VERSION),
  step: z.int().min(0),
  meta: z.record(z.string(), z.json()),
  files: z.record(
    z.string().regex(/^[a-z][a-z0-9-]*\.safetensors$/),
    z.object({ bytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});

/** `manifest.json` of a checkpoint: what it is, and size and sha256 of each file beside it. */
export type Manifest = z.output<typeof manifestSchema>;

/** The text of a manifest; equal checkpoints have equal texts. */
export function formatManifest(step: number, meta: CheckpointMeta, files: Manifest["files"]): string {
  const manifest = { format: "latentkit-checkpoint", version: CHECKPOINT_VERSION, step, meta, files };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** A checkpoint folder's manifest, or in words what is wrong with it. */
export async function readManifest(folder: string, step: number): Promise<Manifest | string> {
  let text: string;
  try {
    text = await readFile(join(folder, MANIFEST_FILE), "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? `${MANIFEST_FILE} is missing` : `${MANIFEST_FILE} cannot be read (${message})`;
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return `${MANIFEST_FILE} is truncated or not JSON`;
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return `${MANIFEST_FILE} is not valid (${issue?.path.join(".") || "content"}: ${issue?.message})`;
  }
  return parsed.data.step === step ? parsed.data : `${MANIFEST_FILE} belongs to step ${parsed.data.step}`;
}

/** What the contract tells about a checkpoint. A `metric` that was not finite was stored as null and is left out. */
export function manifestInfo({ step, meta: stored, files }: Manifest): CheckpointInfo {
  const { metric, ...rest } = stored;
  const meta = typeof metric === "number" ? { metric, ...rest } : rest;
  const names = Object.keys(files).map((file) => file.replace(/\.safetensors$/, ""));
  return { step, name: checkpointName(step), meta, files: names.sort() };
}
