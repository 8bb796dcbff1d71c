import type { DatumSpec } from "@latentkit/core";
import { onnx } from "@latentkit/engine-onnx";
import { findLibrary, tensorflow } from "@latentkit/engine-tensorflow";
import { compile, type Engine, eager, type Key } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { arTransformerConfig } from "../src/config.js";
import { reserve } from "../src/networks/attention.js";
import { wireTransformer } from "../src/transformer.js";

const LENGTH = 7;
const PROMPT = 3;
const text: DatumSpec = { kind: "tokens", shape: [LENGTH + 1], vocabulary: 11, context: 1 };
const pairs: DatumSpec = {
  kind: "pairs",
  shape: [5],
  target: [LENGTH],
  vocabulary: 11,
  special: { pad: 0, bos: 1, eos: 2 },
};
const TINY = { nLayer: 2, nHead: 4, nEmbd: 16 };

/** Logits of every position from PROMPT - 1 on, without and with a cache: `(2, B, LENGTH - PROMPT + 1, V)`. */
function bothWays(datum: DatumSpec, options: object, padding: readonly number[]) {
  const { network, architecture } = wireTransformer(arTransformerConfig.parse({ ...TINY, ...options }), datum);
  const batch = padding.length;
  return (key: Key): Tensor => {
    const drawn = network.init(key);
    const params = scaled(drawn); // small weights would hide what is wrong
    const source =
      datum.kind === "pairs"
        ? tf.tensor(
            Array.from({ length: 5 * batch }, (_, i) => (i % 5 > 2 + (i % 2) ? 0 : 3 + ((i * 7) % 8))),
            [batch, 5],
            "int32",
          )
        : undefined;
    const rows = padding.map((pad, b) =>
      Array.from({ length: LENGTH }, (_, t) => (t < pad ? 0 : 3 + ((5 * t + 3 * b) % 8))),
    );
    const tokens = tf.tensor2d(rows, [batch, LENGTH], "int32");
    const whole = padding.map((pad, b) => {
      const own = tf.tensor2d([(rows[b] as number[]).slice(pad)], [1, LENGTH - pad], "int32");
      const one = source === undefined ? {} : { source: tf.slice(source, [b, 0], [1, 5]) };
      const logits = network.logits(params, { inputs: own, targets: own, ...one });
      return tf.slice(logits, [0, PROMPT - 1 - pad, 0], [1, LENGTH - PROMPT + 1, architecture.outputs]);
    });
    const pads = tf.tensor1d([...padding], "int32");
    const prompt = tf.slice(tokens, [0, 0], [batch, PROMPT]);
    let reading = network.prefill(params, {
      tokens: prompt,
      padding: datum.kind === "pairs" ? undefined : pads,
      source,
    });
    reading = { ...reading, layers: reading.layers.map((layer) => reserve(layer, LENGTH)) };
    const cached = [reading.logits];
    for (let t = PROMPT; t < LENGTH; t++) {
      const token = tf.reshape(tf.slice(tokens, [0, t], [batch, 1]), [batch]);
      reading = network.step(params, token, reading, { slot: tf.scalar(t, "int32"), padding: pads });
      cached.push(reading.logits);
    }
    return tf.stack([tf.concat(whole, 0), tf.stack(cached, 1)]);
  };
}

const scaled = (params: any): any =>
  params.shape === undefined
    ? Object.fromEntries(Object.entries(params).map(([name, part]) => [name, scaled(part)]))
    : params.rank === 2
      ? tf.mul(params, 5)
      : params;

async function largestDifference(
  engine: Engine,
  f: (key: Key) => Tensor,
): Promise<{ difference: number; spread: number }> {
  const program = await compile(
    engine,
    (_state, _inputs, key) => ({ outputs: { y: f(key) } }),
    { state: {}, inputs: {} },
    engine.createStore(),
  );
  const { data } = (await program.run({})).y;
  await program.dispose();
  const half = data.length / 2;
  const values = Array.from({ length: half }, (_, i) => [data[i] as number, data[half + i] as number] as const);
  return {
    difference: Math.max(...values.map(([a, b]) => Math.abs(a - b))),
    spread: Math.max(...values.map(([a]) => a)) - Math.min(...values.map(([a]) => a)),
  };
}

const engines: [string, () => Engine | Promise<Engine>][] = [["onnx", () => onnx()]];
if (findLibrary() !== undefined) engines.push(["tensorflow", () => tensorflow()]);
void eager;

describe.each(engines)("logits with a cache equal those without, engine %s", (_name, create) => {
  const cases: [string, DatumSpec, object, number[]][] = [
    ["GPT-2's block, a padded batch", text, {}, [0, 2, 1]],
    ["the modern block with grouped queries, a padded batch", text, { block: "modern", nKvHead: 2 }, [1, 0]],
    ["encoder-decoder, post-norm", pairs, { block: "transformer" }, [0, 0]],
    ["encoder-decoder, pre-norm, rotations", pairs, { placement: "pre", positions: "rope" }, [0, 0]],
  ];
  it("at every position", async () => {
    const engine = await create();
    for (const [what, datum, options, padding] of cases) {
      const { difference, spread } = await largestDifference(engine, bothWays(datum, options, padding));
      expect(spread, what).toBeGreaterThan(1);
      expect(difference, what).toBeLessThan(1e-4);
    }
    await engine.dispose();
  });
});
