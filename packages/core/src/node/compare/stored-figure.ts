import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { withFileErrors, writeFileAtomic } from "../files.js";
import { bytesOf, type Drawing, endingOf, type Figure, type MissingFigure, TEXT_SEPARATOR } from "../report/figure.js";

/** A figure whose drawing lies in a file, so that a report can be written again without drawing. */
export type StoredFigure = MissingFigure | (Omit<Figure, "drawing"> & { readonly drawing: StoredDrawing });

type StoredDrawing = { readonly file: string } & (
  | { readonly kind: "png"; readonly width: number; readonly height: number }
  | { readonly kind: "svg" | "text" }
);

/** Writes a figure's drawing into a folder. */
export async function storeFigure(folder: string, figure: Figure): Promise<StoredFigure> {
  const { drawing } = figure;
  const file = `${figure.name}.${endingOf(drawing)}`;
  await withFileErrors(`cannot write ${folder}`, () => mkdir(folder, { recursive: true }));
  await writeFileAtomic(join(folder, file), bytesOf(drawing));
  const stored =
    drawing.kind === "png"
      ? { kind: drawing.kind, file, width: drawing.width, height: drawing.height }
      : { kind: drawing.kind, file };
  return { ...figure, drawing: stored };
}

/** Reads it back. @throws UserError when the file is gone. */
export async function loadFigure(folder: string, figure: StoredFigure): Promise<Figure | MissingFigure> {
  if ("reason" in figure) return figure;
  const path = join(folder, figure.drawing.file);
  const bytes = await withFileErrors(`cannot read ${path}`, () => readFile(path));
  return { ...figure, drawing: drawingOf(figure.drawing, bytes) };
}

function drawingOf(stored: StoredDrawing, bytes: Uint8Array): Drawing {
  if (stored.kind === "png") return { kind: "png", bytes, width: stored.width, height: stored.height };
  const text = new TextDecoder().decode(bytes).trimEnd();
  return stored.kind === "svg" ? { kind: "svg", svg: text } : { kind: "text", texts: text.split(TEXT_SEPARATOR) };
}
