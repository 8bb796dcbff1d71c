import { GraphBuilder } from "../lowering/builder.js";
import type { Context } from "../native/context.js";
import { newHandle } from "../native/tensor.js";
import { checked, TensorFlowError } from "../native/tensorflow.js";

/** Whether a library can compile with XLA: it compiles `x + 1`. Libraries are built with and without it. */
export function probeXla(context: Context): boolean {
  const { tf } = context;
  const name = context.uniqueName("probe");
  const builder = new GraphBuilder(tf);
  const x = builder.argument([], "float32");
  const y = builder.by("AddV2", x, 1);
  const definition = builder.toFunction(name, [x], [y]);
  builder.delete();
  context.addFunction(definition);
  const op = context.newOp(name);
  const feed = newHandle(tf, { shape: [], dtype: "float32", data: Float32Array.of(1) });
  try {
    tf.TFE_OpSetAttrBool(op, "_XlaMustCompile", 1);
    checked(tf, (status) => tf.TFE_OpAddInput(op, feed, status));
    const result = new BigUint64Array(1);
    checked(tf, (status) => tf.TFE_Execute(op, result, Int32Array.of(1), status));
    tf.TFE_DeleteTensorHandle(result[0]);
    return true;
  } catch (error) {
    if (error instanceof TensorFlowError) return false;
    throw error;
  } finally {
    tf.TFE_DeleteTensorHandle(feed);
    tf.TFE_DeleteOp(op);
    context.removeFunction(name);
  }
}
