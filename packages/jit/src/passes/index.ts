import type { EngineCapabilities } from "../engine.js";
import type { Graph } from "../graph.js";
import { mergeCommonSubexpressions } from "./common-subexpressions.js";
import { findConditionalStates } from "./conditional-states.js";
import { removeDeadCode } from "./dead-code.js";
import { foldConstants } from "./fold-constants.js";
import { inlineComposites } from "./inline-composites.js";
import { simplifyUniformValues } from "./uniform-values.js";

/** Prepares a traced graph for an engine: definitions of composites it lacks, constants computed, repeated and unused nodes dropped. Aliases are resolved while tracing. */
export function optimize(
  graph: Graph,
  capabilities: Pick<EngineCapabilities, "composites" | "foldConstants" | "conditionalStates">,
): Graph {
  const inlined = inlineComposites(removeDeadCode(graph), capabilities.composites);
  const folded = capabilities.foldConstants ? foldConstants(simplifyUniformValues(inlined)) : inlined;
  const merged = mergeCommonSubexpressions(folded);
  return removeDeadCode(capabilities.conditionalStates ? findConditionalStates(merged) : merged);
}
