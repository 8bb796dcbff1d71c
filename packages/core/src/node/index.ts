export * from "./checkpoint-store.js";
export * from "./files.js";
export { type JsonlSinkOptions, type MetricsLine, openJsonlSink, readMetrics } from "./jsonl-sink.js";
export * from "./npy.js";
export * from "./report/exports.js";
export * from "./run.js";
export { type RunDescription, readDescription } from "./run-description.js";
export * from "./run-folder.js";
export * from "./tensorboard-sink.js";
