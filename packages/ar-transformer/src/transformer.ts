import type { DatumSpec } from "@latentkit/core";
import { type Architecture, resolveArchitecture } from "./architecture.js";
import type { ArTransformerConfig } from "./config.js";
import { createNetwork, type Network } from "./networks/network.js";
import { pairsTask } from "./tasks/pairs.js";
import { pixelTask } from "./tasks/pixels.js";
import type { Task } from "./tasks/task.js";
import { textTask } from "./tasks/text.js";

/** What the configuration and the data decide before any tensor exists. */
export interface Transformer {
  readonly architecture: Architecture;
  readonly network: Network;
  readonly task: Task;
}

/** The parts of a model. @throws UserError when an option cannot be right for the data. */
export function wireTransformer(config: ArTransformerConfig, datum: DatumSpec): Transformer {
  const task = chooseTask(config, datum);
  const architecture = resolveArchitecture(config, {
    network: task.sourceLength === undefined ? "gpt" : "encoder-decoder",
    vocabSize: task.vocabSize,
    outputs: task.outputs,
    length: Math.max(task.length, task.sourceLength ?? 0),
    ...(task.nKvHead === undefined ? {} : { nKvHead: task.nKvHead }),
  });
  return { architecture, task, network: createNetwork(architecture, task.pad) };
}

function chooseTask({ palette }: ArTransformerConfig, datum: DatumSpec): Task {
  if (datum.kind === "tokens") return textTask(datum);
  if (datum.kind === "pairs") return pairsTask(datum);
  return pixelTask(datum, palette);
}
