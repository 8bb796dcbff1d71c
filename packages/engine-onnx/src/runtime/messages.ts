import type { DType, DTypeArrays, TensorSpec } from "@latentkit/jit";

/** A tensor that an ONNX session takes or gives. */
export interface WireTensor extends TensorSpec {
  readonly name: string;
}

/** An input or output of a session that holds the elements of a state in a shape of its own. */
export interface SessionPort {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A path of the store and the inputs and outputs of the session that carry it. */
export interface StateDescription extends TensorSpec {
  readonly path: string;
  /** The same elements in several shapes; none when the program does not read the state. */
  readonly before: readonly SessionPort[];
  readonly after?: SessionPort;
  readonly when?: string;
}

/** What the worker must know of a program besides its model. */
export interface ProgramDescription {
  /** `offset` in bytes within the one buffer that carries all inputs of a run. */
  readonly inputs: readonly (WireTensor & { readonly offset: number })[];
  readonly states: readonly StateDescription[];
  readonly outputs: readonly WireTensor[];
  /** Bools of one element that states depend on. */
  readonly conditions: readonly WireTensor[];
}

/** A tensor with its values, as messages carry it. */
export interface SentTensor extends TensorSpec {
  readonly data: DTypeArrays[DType];
}

type Body =
  | {
      readonly type: "compile";
      readonly program: number;
      readonly bytes: Uint8Array;
      readonly options: object;
      readonly description: ProgramDescription;
    }
  | { readonly type: "run"; readonly program: number; readonly store: number; readonly packed: ArrayBuffer }
  | { readonly type: "disposeProgram"; readonly program: number }
  | {
      readonly type: "write";
      readonly store: number;
      readonly entries: readonly (SentTensor & { readonly path: string })[];
    }
  | { readonly type: "read"; readonly store: number; readonly paths: readonly string[] }
  | { readonly type: "delete"; readonly store: number; readonly paths: readonly string[] }
  | { readonly type: "disposeStore"; readonly store: number };

/** What the main thread asks; answered in order. */
export type Request = Body & { readonly id: number };

/** A request before it has a number. */
export type RequestBody = Body;

/** What a request gives back. */
export interface Result {
  /** The inputs' buffer, for the next run. */
  readonly packed?: ArrayBuffer;
  readonly outputs?: readonly DTypeArrays[DType][];
  /** How long onnxruntime computed, in milliseconds. */
  readonly computeMs?: number;
  readonly tensors?: readonly SentTensor[];
}

/** The worker's answer to the request of the same number. */
export interface Reply {
  readonly id: number;
  readonly result?: Result;
  readonly error?: { readonly message: string; readonly missing?: string; readonly known?: readonly string[] };
}
