import type { Tree } from "@latentkit/jit";
import type { Tensor } from "@tensorflow/tfjs-core";

/** Parameters and state are trees of tensors; paths name them in checkpoints: `params.encoder.fc1.kernel`. */
export type TensorTree = Tree<Tensor>;
