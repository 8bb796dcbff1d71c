import { compile, eager, flatten, type HostTensor, hostTensor, mapTree, type TensorSpec } from "@latentkit/jit";
import * as tf from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { accumulate } from "./accumulate.js";
import { adam, adamw } from "./adam.js";
import { clipByGlobalNorm } from "./clip.js";
import { guard, guardInit } from "./guard.js";
import { lion } from "./lion.js";
import { muon } from "./muon.js";
import { chain, type Optimizer } from "./optimizer.js";
import { cosineSchedule } from "./schedule.js";
import { sgd } from "./sgd.js";

const OPTIMIZERS: Record<string, Optimizer> = {
  adam: adam(),
  adamw: adamw({ learningRate: cosineSchedule(0.1, { steps: 10, warmup: 2 }) }),
  sgd: sgd({ momentum: 0.9, nesterov: true }),
  lion: lion(),
  muon: muon(),
  accumulate: accumulate(chain(clipByGlobalNorm(1), adam()), 2),
};

const start = () => ({
  layer: {
    kernel: tf.tensor2d([
      [1, -2, 0.5],
      [0.1, 3, -1],
    ]),
    bias: tf.tensor1d([0.1, 0, -0.2]),
  },
});
const specsOf = (tree: any): any => mapTree(tree, (t: tf.Tensor) => ({ shape: t.shape, dtype: t.dtype }) as TensorSpec);
const toHost = (t: tf.Tensor): HostTensor => hostTensor(t.dataSync() as Float32Array, t.shape, t.dtype as "float32");

function trainStep(optimizer: Optimizer, { params, state, counts }: any, grads: any, step: tf.Tensor) {
  const verdict = guard(tf.scalar(1), grads, counts);
  return { ...optimizer.step(params, grads, state, { step, apply: verdict.ok }), counts: verdict.state };
}

describe.each(Object.entries(OPTIMIZERS))("%s in a compiled step", (_name, optimizer) => {
  it("gives what it gives op by op, and survives a gradient that is NaN without a changed bit", async () => {
    const params = start();
    let expected: any = { params, state: optimizer.init(params), counts: guardInit() };
    const engine = eager();
    const store = engine.createStore();
    await store.write(flatten<tf.Tensor>(expected).map(([path, t]) => [path, toHost(t)] as const));
    const specs = {
      state: specsOf(expected),
      inputs: { grads: specsOf(params), step: { shape: [], dtype: "int32" } as TensorSpec },
    };
    const body = (state: any, { grads, step }: any) => ({ state: trainStep(optimizer, state, grads, step) as never });
    const program = await compile(engine, body, specs, store);
    const paths = flatten<tf.Tensor>(expected).map(([path]) => path);
    for (let t = 0; t < 6; t++) {
      const grads: any = mapTree(params as any, (p: tf.Tensor) => tf.sin(tf.add(tf.mul(p, t + 1), t)));
      if (t === 2) grads.layer.bias = tf.tensor1d([0, Number.NaN, 1]);
      const step = tf.scalar(t, "int32");
      const before = await store.read(paths);
      expected = trainStep(optimizer, expected, grads, step);
      await program.run({ grads: mapTree(grads, toHost as never), step: toHost(step) } as never);
      const after = await store.read(paths);
      for (const [path, tensor] of flatten<tf.Tensor>(expected)) {
        const ours = [...(after.get(path) as HostTensor).data];
        expect(ours, path).toEqual([...tensor.dataSync()]);
        if (t === 2 && !path.startsWith("counts"))
          expect(ours, path).toEqual([...(before.get(path) as HostTensor).data]);
      }
    }
    await engine.dispose();
  });
});
