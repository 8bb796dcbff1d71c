export { type DataKind, dataKind, dataNoun, labelName, rowsOf, selectRows, toPictures } from "./data-kind.js";
export { bytesOf, type Drawing, endingOf, type Figure, type MissingFigure } from "./figure.js";
export {
  drawData,
  drawPairs,
  drawWays,
  interpolate,
  interpolateDrawn,
  type Latents,
  reconstruct,
  type Subject,
  variedExamples,
  variedPairs,
} from "./figures.js";
export { checkFilm, drawFilm } from "./film.js";
export { formatSeconds } from "./format-seconds.js";
export { type Report, type ReportSubject, writeReport } from "./index.js";
export { defaultMethod, type InterpolationMethod } from "./interpolate.js";
export { type MapPair, mapBesidePca, neighbourAgreement, type PlaneMap } from "./map.js";
export { formatEstimate, formatNumber, formatValue } from "./page.js";
