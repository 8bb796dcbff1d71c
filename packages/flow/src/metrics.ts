import {
  fold,
  type HostTensor,
  type Key,
  logSumExp,
  type MetricResult,
  type ModelMetric,
  type ScanMetric,
} from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { columnName } from "./check-data.js";
import { contextOf, type Flow, type FlowParams, type FlowState, logLikelihood } from "./model.js";

/** Above this part of the data's unit the inverse is no longer the inverse. */
const TOLERANCE = 1e-3;
/** Examples whose inversion is measured at every evaluation: a one-pass inverse, and a sequential one. */
const LIMIT = 2000;
const SCAN_LIMIT = 250;
/** And at those during training. */
const MONITORED = 250;

/** Measurements in one pass. */
export function flowMetrics(flow: Flow): Record<string, ModelMetric<FlowParams, FlowState>> {
  const { transform } = flow;
  if (transform.scan !== undefined) return {};
  return {
    inversionError: {
      ...inversionFacts(flow),
      limit: LIMIT,
      perExample(params, _state, batch, key) {
        const { x } = flow.dequantization.toContinuous(params.dequantization ?? {}, batch.x, key);
        const context = contextOf(flow, batch);
        const { y: z } = transform.encode(params.transform, x, context);
        return worstPlace(x, transform.decode(params.transform, z, context).y);
      },
    },
  };
}

/** Measurements that take many draws, or a sequential inverse. */
export function flowScanMetrics(flow: Flow): Record<string, ScanMetric<FlowParams, FlowState>> {
  return {
    ...(flow.transform.scan === undefined ? {} : { inversionError: sequentialInversion(flow) }),
    ...(flow.dequantization.isNoisy ? importanceMetrics(flow) : {}),
  };
}

function inversionFacts(flow: Flow) {
  return {
    unit: flow.dequantization.isNoisy || flow.datum.range !== undefined ? "of the range" : "units",
    summary:
      "largest |x - decode(encode(x))| (relative for values above 1) and its place; an inverse inexact in float32 gives inexact samples",
    everyEvaluation: true,
    monitor: MONITORED,
    aggregate: (perExample: HostTensor) => worst(flow, perExample),
  };
}

function sequentialInversion(flow: Flow): ScanMetric<FlowParams, FlowState> {
  const { scan, encode } = flow.transform as Required<Flow["transform"]>;
  return {
    ...inversionFacts(flow),
    limit: SCAN_LIMIT,
    scan: {
      steps: scan.steps,
      start(params, _state, batch, key) {
        const { x } = flow.dequantization.toContinuous(params.dequantization ?? {}, batch.x, key);
        const context = contextOf(flow, batch);
        const { y: z } = encode(params.transform, x, context);
        return { x, carry: scan.start(params.transform, z, context), ...(context ? { context } : {}) };
      },
      step: (params, _state, { carry, ...rest }, i) => ({
        carry: scan.step(params.transform, carry, i, rest.context),
        ...rest,
      }),
      finish: (params, _state, { x, carry, context }) => worstPlace(x, scan.finish(params.transform, carry, context)),
    },
  };
}

/** Largest error of each example, relative where the value is above 1, and its place: shape `(B, 2)`. */
function worstPlace(x: Tensor, decoded: Tensor): Tensor {
  const B = x.shape[0] as number;
  const flat = tf.reshape(x, [B, x.size / B]);
  const distance = tf.abs(tf.sub(flat, tf.reshape(decoded, flat.shape)));
  const error = tf.div(distance, tf.maximum(tf.abs(flat), 1)); // float32 has seven digits, whatever the size
  return tf.stack([tf.max(error, 1), tf.cast(tf.argMax(error, 1), "float32")], 1);
}

/** The largest error of a split; an error that is not a number is the largest of all. */
function worst({ datum }: Flow, { data, shape }: HostTensor) {
  const n = shape[0] as number;
  let at = 0;
  const errorOf = (i: number) => (Number.isFinite(data[2 * i]) ? (data[2 * i] as number) : Number.POSITIVE_INFINITY);
  for (let i = 1; i < n; i++) if (errorOf(i) > errorOf(at)) at = i;
  const place = columnName(data[2 * at + 1] as number, datum.shape);
  return { value: errorOf(at), stderr: 0, n, note: `at example ${at}, ${place}` };
}

/** What the inversion error says, in one line; empty when float32 is enough. */
export function diagnoseInversion({ inversionError }: Readonly<Record<string, MetricResult>>): string[] {
  if (inversionError === undefined || inversionError.value <= TOLERANCE) return [];
  const size = inversionError.value.toPrecision(2);
  return [
    `float32 is not enough for this flow: |x - decode(encode(x))| is ${size} ${inversionError.note}; samples and latents are off by as much: use fewer layers, a smaller learning rate, or standardised data`,
  ];
}

/** Bounds that are tighter than `elbo`: several draws of the dequantisation noise as importance samples of `log P(x)`. */
function importanceMetrics(flow: Flow): Record<string, ScanMetric<FlowParams, FlowState>> {
  const k = flow.config.evaluationSamples;
  const scan = (unit: number): ScanMetric<FlowParams, FlowState>["scan"] => ({
    steps: k,
    start: (params, _state, batch, key) => ({ batch: fieldsOf(batch), sum: draw(params, batch, fold(key, "first")) }),
    // The first draw is made at the start: log 0 is no number to begin a sum with.
    step(params, _state, { batch, sum }, i, key) {
      const another = tf.stack([sum, draw(params, batch, key)], 0);
      return { batch, sum: tf.where(tf.equal(i, tf.scalar(0, "int32")), sum, logSumExp(another, 0)) };
    },
    finish: (_params, _state, { sum }) => tf.div(tf.sub(Math.log(k), sum), unit),
  });
  const draw = (params: FlowParams, batch: any, key: Key) => logLikelihood(flow, params, batch, key);
  const shared = { onRequest: true, limit: Number.POSITIVE_INFINITY };
  const how = `importance-weighted with ${k} draws of the dequantisation noise an example`;
  return {
    nll: { ...shared, unit: "nats", summary: `negative log-likelihood, ${how}`, scan: scan(1) },
    importanceBitsPerDim: {
      ...shared,
      unit: "bits/dim",
      summary: `bits a dimension, ${how}`,
      scan: scan(flow.size * Math.LN2),
    },
  };
}

/** A batch without its absent fields, as a tree of tensors. */
function fieldsOf(batch: any): any {
  return Object.fromEntries(Object.entries(batch).filter(([, tensor]) => tensor !== undefined));
}
