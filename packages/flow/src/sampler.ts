import { fold, type Key, randomInteger, type SampleRequest, type Sampling, UserError } from "@latentkit/core";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import type { FlowSampleOptions } from "./config.js";
import type { Flow, FlowParams } from "./model.js";

/** What the scan hands on: noise or a half-decoded batch, and what it is conditioned on. */
interface Drawn {
  readonly carry: any;
  readonly context?: Tensor;
}

/**
 * `x = f^-1(z)`, `z ~ p_Z` at a temperature: in one pass, or as a scan where the inverse is sequential (feature by feature in MAF, token by token
 * with cached keys and values in TarFlow).
 */
export function flowSampling(flow: Flow, options: FlowSampleOptions): Sampling<FlowParams, object, any> {
  const { transform, base, dequantization, size } = flow;
  const { scan } = transform;
  const begin = (params: FlowParams, key: Key, request: SampleRequest) => {
    const z = base.sample(params.base ?? {}, fold(key, "z"), [request.n, size], options.temperature);
    const context = sampledContext(flow, options, fold(key, "context"), request);
    return { z, ...(context === undefined ? {} : { context }) };
  };
  if (scan === undefined) {
    return {
      steps: 0,
      start: (params, _state, key, request): Drawn => {
        const { z, ...context } = begin(params, key, request);
        return { carry: z, ...context };
      },
      finish: (params, _state, { carry, context }: Drawn) =>
        dequantization.toData(transform.decode(params.transform, carry, context).y),
    };
  }
  return {
    steps: scan.steps,
    start(params, _state, key, request): Drawn {
      const { z, context } = begin(params, key, request);
      return { carry: scan.start(params.transform, z, context), ...(context === undefined ? {} : { context }) };
    },
    step: (params, _state, { carry, ...rest }: Drawn, i): Drawn => ({
      carry: scan.step(params.transform, carry, i, rest.context),
      ...rest,
    }),
    finish: (params, _state, { carry, context }: Drawn) =>
      dequantization.toData(scan.finish(params.transform, carry, context)),
  };
}

/** The labels asked for or uniformly drawn ones as one-hot vectors, or the vector asked for; shape `(n, C)`. */
function sampledContext(
  { config, classes }: Flow,
  { context }: FlowSampleOptions,
  key: Key,
  { n, label }: SampleRequest,
): Tensor | undefined {
  const refuse = (message: string) => new UserError("@latentkit/flow", message);
  if (label !== undefined && config.conditional !== "label") {
    throw refuse(
      `label must not be given to a model trained with conditional: ${config.conditional}; train one with conditional: label`,
    );
  }
  if (config.conditional !== "context") {
    if (context !== undefined) {
      throw refuse(
        `context must not be given to a model trained with conditional: ${config.conditional}; train one with conditional: context`,
      );
    }
    if (config.conditional === "none") return undefined;
    const labels = label ?? randomInteger(key, [n], 0, classes as number);
    return tf.oneHot(labels as tf.Tensor1D, classes as number, 1, 0, "float32");
  }
  if (context === undefined) {
    throw refuse("context must be given to a model trained with conditional: context, got none; give one vector");
  }
  return tf.tile(tf.tensor(context, [1, context.length]), [n, 1]);
}
