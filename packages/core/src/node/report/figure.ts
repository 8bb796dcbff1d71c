import type { HostTensor } from "@latentkit/jit";
import { encodePng, type TileOptions, tileImages } from "../../images.js";

/** The drawing of a figure. */
export type Drawing =
  | { readonly kind: "png"; readonly bytes: Uint8Array; readonly width: number; readonly height: number }
  | { readonly kind: "svg"; readonly svg: string }
  | { readonly kind: "text"; readonly texts: readonly string[] };

/** A picture of a report: a file of its own, and a place in `report.html`. */
export interface Figure {
  /** Stem of the file name: `reconstructions`. */
  readonly name: string;
  readonly title: string;
  /** What is to be seen, in one or two sentences. */
  readonly caption: string;
  readonly drawing: Drawing;
  /** Takes the whole width of the page. */
  readonly wide?: boolean;
}

/** A figure that could not be drawn, and why. */
export interface MissingFigure {
  readonly name: string;
  readonly title: string;
  readonly reason: string;
}

/** File name ending of a drawing. */
export function endingOf(drawing: Drawing): string {
  return drawing.kind === "text" ? "txt" : drawing.kind;
}

/** Between the texts of a drawing that holds several. */
export const TEXT_SEPARATOR = `\n${"-".repeat(20)}\n`;

/** What a drawing's file holds. */
export function bytesOf(drawing: Drawing): Uint8Array {
  if (drawing.kind === "png") return drawing.bytes;
  const text = drawing.kind === "svg" ? drawing.svg : drawing.texts.join(TEXT_SEPARATOR);
  return new TextEncoder().encode(`${text}\n`);
}

/** Pictures in a grid. @param images Values in [0, 1], shape `(n, H, W, C)`. */
export function pictureGrid(images: HostTensor, options: TileOptions = {}): Drawing {
  const picture = tileImages(images, { background: 0.25, ...options });
  return { kind: "png", bytes: encodePng(picture), width: picture.width, height: picture.height };
}
