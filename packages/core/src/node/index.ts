export * from "./checkpoint-store.js";
export { type ComparisonPlan, readComparison } from "./compare/comparison-folder.js";
export { type Comparison, type ComparisonRequest, compareModels } from "./compare/index.js";
export type { Capabilities, CostPoint, Grades, ModelResult, Moment } from "./compare/result.js";
export * from "./files.js";
<<<<<<< HEAD
export * from "./foreign.js";
=======
export { exportRun, findFormat, folderFiles, IMPORTED, importRun } from "./import-run.js";
>>>>>>> ar-text
export { type JsonlSinkOptions, type MetricsLine, openJsonlSink, readMetrics } from "./jsonl-sink.js";
export * from "./npy.js";
export * from "./open-run.js";
export * from "./report/exports.js";
export * from "./run.js";
export { type RunDescription, readDescription } from "./run-description.js";
export * from "./run-folder.js";
export * from "./tensorboard-sink.js";
