import { type DatumSpec, modelSpecs, parameterCount } from "@latentkit/core";
import { syntheticDataset } from "@latentkit/core/testing";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import {
  checkGradients,
  distance,
  initial,
  jacobian,
  key,
  logAbsDet,
  model,
  noise,
  numbers,
  parts,
  shaken,
} from "../../test/support.js";
import type { FlowParams } from "../model.js";

const vector: DatumSpec = { kind: "continuous", shape: [4] };
const labelled: DatumSpec = { ...vector, classes: 3 };
const image: DatumSpec = { kind: "continuous", shape: [4, 4, 1] };
const small = { layers: 2, width: 8, depth: 1 };
const label = tf.tensor1d([0, 2, 1], "int32");

/** Every model, on vectors or images; parameters moved by 0.1. */
const cases: [name: string, options: object, datum: DatumSpec][] = [
  ["nice", { model: "nice" }, vector],
  ["realnvp", { model: "realnvp", base: "mixture", components: 3 }, vector],
  ["maf", { model: "maf" }, vector],
  ["iaf", { model: "iaf" }, vector],
  ["nsf", { model: "nsf", bins: 4 }, vector],
  ["nsf-ar", { model: "nsf-ar", bins: 4 }, vector],
  ["tarflow", { model: "tarflow", heads: 2 }, vector],
  ["nsf, conditional", { model: "nsf", bins: 4, conditional: "label" }, labelled],
  ["maf, conditional", { model: "maf", conditional: "label" }, labelled],
  ["realnvp on images", { model: "realnvp", width: 4 }, image],
  ["glow", { model: "glow", width: 4, scales: 2 }, image],
  ["glow of splines", { model: "glow", width: 4, scales: 1, bins: 4, coupling: "spline" }, image],
  ["tarflow on images", { model: "tarflow", patch: 2, heads: 2 }, image],
];

describe.each(cases)("%s", (_name, options, datum) => {
  const settings = { ...small, ...options };
  const flow = parts(settings, datum);
  const x = noise(3, [3, ...datum.shape]);
  const batch = { x, label };
  const params = shaken(initial(settings, datum, batch), 0.1);
  const context = datum.classes ? tf.oneHot(label, 3, 1, 0, "float32") : undefined;

  it("has log p(x) = log p(z) + log|det J|, J by differentiation", () => {
    const logProb = numbers(model(settings, datum).logProb?.(params, {}, batch) as tf.Tensor);
    const logDet = numbers(flow.transform.encode(params.transform, x, context).logDet);
    for (const b of [0, 2]) {
      const one = tf.slice(x, [b, ...datum.shape.map(() => 0)], [1, ...datum.shape]);
      const own = context && tf.slice(context, [b, 0], [1, 3]);
      const encode = (input: tf.Tensor) => flow.transform.encode(params.transform, input, own).y;
      const exact = logAbsDet(jacobian(encode, one));
      expect(Math.abs((logDet[b] as number) - exact)).toBeLessThan(1e-3);
      const logNoise = numbers(flow.base.logProb(params.base ?? {}, encode(one)))[0] as number;
      expect(Math.abs((logProb[b] as number) - (logNoise + exact))).toBeLessThan(1e-3);
    }
  });

  it("decodes what it encodes, in one graph and as a scan", () => {
    const { y: z, logDet } = flow.transform.encode(params.transform, x, context);
    const back = flow.transform.decode(params.transform, z, context);
    expect(distance(back.y, x)).toBeLessThan(1e-4);
    expect(distance(back.logDet, tf.neg(logDet))).toBeLessThan(1e-3);
    const { scan } = flow.transform;
    if (scan === undefined) return;
    let carry = scan.start(params.transform, z, context);
    for (let i = 0; i < scan.steps; i++) carry = scan.step(params.transform, carry, tf.scalar(i, "int32"), context);
    expect(distance(scan.finish(params.transform, carry, context), x)).toBeLessThan(1e-4);
  });

  it("has a gradient for every parameter, and finite losses for values up to a million", () => {
    const [objective] = model(settings, datum).objectives;
    const loss = (moved: FlowParams, input: tf.Tensor) =>
      objective?.loss(
        moved,
        {},
        { x: input, label },
        { key: key(4), step: tf.scalar(0, "int32"), progress: tf.scalar(0) },
      ).loss as tf.Tensor;
    checkGradients(params as never, (moved) => loss(moved, x));
    for (const scale of [1e3, 1e6, -1e6])
      expect(numbers(loss(params, tf.mul(x, scale))).every(Number.isFinite)).toBe(true);
  });
});

describe("published sizes", () => {
  it("realnvp on 28x28 images has the 335,128 parameters of the UvA tutorial", () => {
    const datum: DatumSpec = { kind: "continuous", shape: [28, 28, 1], range: [0, 1], levels: 256 };
    const { train } = syntheticDataset(datum, { size: 4 }).splits;
    expect(parameterCount(modelSpecs(model({ model: "realnvp" }, datum), train, 2))).toBe(335_128);
  });
});
