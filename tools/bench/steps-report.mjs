import { STEPS } from "./models/index.mjs";

const MIB = 2 ** 20;

/** Median, smallest and largest of a list. */
export function spread(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted.at(-1) };
}

/** Milliseconds a step of every block. */
const milliseconds = ({ blocks }) => blocks.map(({ steps, seconds }) => (1000 * seconds) / steps);

/** What one contender did. */
function describe(one) {
  const times = milliseconds(one);
  const outside = one.blocks.flatMap(({ steps, seconds, native }) =>
    native === undefined ? [] : [(1e6 * (seconds - native)) / steps],
  );
  const { parameters, ...ready } = one.ready;
  return {
    ...ready,
    ms: spread(times),
    blocks: times,
    ...(outside.length > 0 ? { hostMicroseconds: spread(outside) } : {}),
    residentMiB: one.blocks.at(-1).rss / MIB,
  };
}

/** Blocks of `other` over the blocks of the same rounds of `ours`. */
function ratio(other, ours) {
  const [a, b] = [milliseconds(other), milliseconds(ours)];
  return spread(a.map((value, i) => value / b[i]));
}

/** The figures of one model. @param started Contenders by label, with their blocks. @param engines Labels of ours. */
export function summary(name, started, engines) {
  const described = new Map([...started].map(([label, one]) => [label, describe(one)]));
  const torch = [...described].filter(([label]) => label.startsWith("torch"));
  const [faster] = torch.sort(([, a], [, b]) => a.ms.median - b.ms.median)[0] ?? [];
  const eager = started.get("tfjs-node");
  const ratios = Object.fromEntries(
    engines.map((label) => {
      const ours = started.get(label);
      const toTorch = faster === undefined ? {} : { torch: ratio(started.get(faster), ours) };
      const toEager = eager === undefined ? {} : { tfjsNode: ratio(eager, ours) };
      return [label, { ...toTorch, ...toEager }];
    }),
  );
  const { title, target } = STEPS[name];
  const parameters = started.get(engines[0]).ready.parameters;
  return { name, title, target, parameters, faster, engines, ratios, contenders: Object.fromEntries(described) };
}

const range = ({ median, min, max }, digits) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)}-${max.toFixed(digits)})`;

/** Two digits below 10 ms, one below 100, none above. */
const time = (spreadOfMs) => range(spreadOfMs, spreadOfMs.median < 10 ? 2 : spreadOfMs.median < 100 ? 1 : 0);

export const HEADINGS = [
  "step",
  "engine",
  "nodes",
  "trace+compile s",
  "1st step s",
  "ours ms",
  "torch eager ms",
  "torch compile ms",
  "torch/ours",
  "target",
  "host µs",
  "MiB",
  "torch MiB",
  "tfjs-node ms",
  "tfjs-node/ours",
];

/** Lines of one model in the table: one an engine. */
export function formatRow({ name, target, faster, engines, ratios, contenders }) {
  return engines.map((label) => {
    const ours = contenders[label];
    const peer = (which) => (contenders[which] === undefined ? "" : time(contenders[which].ms));
    const { torch, tfjsNode } = ratios[label];
    return [
      name,
      label,
      String(ours.nodes),
      (ours.traceSeconds + ours.compileSeconds).toFixed(2),
      ours.firstStepSeconds.toFixed(2),
      time(ours.ms),
      peer("torch eager"),
      peer("torch compile"),
      torch === undefined ? "" : range(torch, 2),
      String(target),
      ours.hostMicroseconds === undefined ? "" : ours.hostMicroseconds.median.toFixed(0),
      ours.residentMiB.toFixed(0),
      faster === undefined ? "" : contenders[faster].residentMiB.toFixed(0),
      peer("tfjs-node"),
      tfjsNode === undefined ? "" : range(tfjsNode, 2),
    ];
  });
}

/** Aligned columns; those that are empty below their heading are left out. */
export function printTable(rows) {
  const used = rows[0].map((_, column) => column).filter((column) => rows.slice(1).some((row) => row[column] !== ""));
  const widths = used.map((column) => Math.max(...rows.map((row) => row[column].length)));
  for (const row of rows)
    console.log(
      used
        .map((column, i) => row[column].padEnd(widths[i]))
        .join("  ")
        .trimEnd(),
    );
}
