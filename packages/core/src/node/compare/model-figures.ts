import type { HostTensor } from "@latentkit/jit";
import { gatherShuffled } from "../../evaluation/grading.js";
import { readMetrics } from "../jsonl-sink.js";
import { dataKind, dataNoun, selectRows } from "../report/data-kind.js";
import { densityFigure } from "../report/density-figures.js";
import type { Figure, MissingFigure } from "../report/figure.js";
import { drawData, type Subject } from "../report/figures.js";
import { lossFigures } from "../report/loss-figures.js";

/** Pictures in a row of a strip: wide enough to compare, narrow enough for a phone. */
const COLUMNS = 12;
/** How many examples stand in a strip. */
const COUNTS = { images: 4 * COLUMNS, points: 2000, vectors: 8, tokens: 2 };

/** Real data, drawn as samples are. */
export async function realFigure(dataset: Subject["dataset"]): Promise<Figure> {
  const count = Math.min(COUNTS[dataKind(dataset.datum)], dataset.splits.test.size);
  const { x } = gatherShuffled(dataset.splits.test, count);
  const caption = `${count.toLocaleString("en")} ${dataNoun(dataset.datum)} of the test set.`;
  return { ...strip("real", "Real data", dataset), caption, drawing: await drawData(x, dataset, COLUMNS) };
}

const strip = (name: string, title: string, { datum }: Pick<Subject["dataset"], "datum">) => ({
  name: `${name}-samples`,
  title,
  wide: dataKind(datum) === "images" || dataKind(datum) === "tokens",
});

/**
 * What a report shows of one model: samples, its density where that can be drawn, its loss curves.
 *
 * @param drawn Samples that were drawn before, by default sampling: the first of them are shown.
 */
export async function modelFigures(
  name: string,
  subject: Subject,
  metricsFile: string,
  drawn?: HostTensor,
): Promise<(Figure | MissingFigure)[]> {
  const makers: [part: string, make: () => Promise<Figure | undefined>][] = [
    ["samples", () => samples(name, subject, drawn)],
    ["density", () => densityFigure(subject)],
    ["loss", async () => (await lossFigures(await readMetrics(metricsFile), subject.session.model))[0]],
  ];
  const figures: (Figure | MissingFigure)[] = [];
  for (const [part, make] of makers) {
    const title = part === "samples" ? name : `${name}: ${part === "loss" ? "loss curves" : part}`;
    try {
      const figure = await make();
      if (figure !== undefined) figures.push({ ...figure, name: `${name}-${part}`, title });
    } catch (error) {
      figures.push({ name: `${name}-${part}`, title, reason: (error as Error).message });
    }
  }
  return figures;
}

async function samples(name: string, { session, dataset, seed }: Subject, drawn?: HostTensor): Promise<Figure> {
  const kind = dataKind(dataset.datum);
  const n = COUNTS[kind];
  const { classes } = dataset.datum;
  const asked = session.model.conditional && classes ? { label: Array.from({ length: n }, (_, i) => i % classes) } : {};
  const isDrawn = drawn !== undefined && (drawn.shape[0] as number) >= n;
  const x = isDrawn
    ? selectRows(
        drawn,
        Array.from({ length: n }, (_, i) => i),
      )
    : await session.sample({ n, seed, ...asked });
  const order = "label" in asked ? ", asked for by class in turn" : "";
  const caption = `${n.toLocaleString("en")} samples, none of them chosen${order}.`;
  return { ...strip(name, name, dataset), caption, drawing: await drawData(x, dataset, COLUMNS) };
}
