import koffi from "koffi";
import { keepLoaded } from "../library/keep-loaded.js";
import { refusal } from "../library/refusal.js";

/** The address of something native; 0n: none. */
export type Pointer = bigint;

const TF_OUTPUT = koffi.struct({ oper: "void *", index: "int" });

/** One output of an operation of a graph, `TF_Output`. */
export interface Output {
  readonly oper: Pointer;
  readonly index: number;
}

/**
 * Every function of TensorFlow's C API that is used, with its types: result, then arguments. `c_api.h` and `eager/c_api.h`, the same from
 * 2.9 on. https://github.com/tensorflow/tensorflow/tree/master/tensorflow/c
 */
const PROTOTYPES = {
  TF_Version: ["const char *"],
  TF_NewStatus: ["void *"],
  TF_DeleteStatus: ["void", "void *"],
  TF_SetStatus: ["void", "void *", "int", "const char *"],
  TF_GetCode: ["int", "void *"],
  TF_Message: ["const char *", "void *"],

  TF_AllocateTensor: ["void *", "int", "const int64_t *", "int", "size_t"],
  TF_TensorData: ["void *", "void *"],
  TF_TensorByteSize: ["size_t", "void *"],
  TF_DeleteTensor: ["void", "void *"],

  TF_NewGraph: ["void *"],
  TF_DeleteGraph: ["void", "void *"],
  TF_NewOperation: ["void *", "void *", "const char *", "const char *"],
  TF_AddInput: ["void", "void *", TF_OUTPUT],
  TF_AddInputList: ["void", "void *", koffi.pointer(TF_OUTPUT), "int"],
  TF_AddControlInput: ["void", "void *", "void *"],
  TF_SetAttrType: ["void", "void *", "const char *", "int"],
  TF_SetAttrInt: ["void", "void *", "const char *", "int64_t"],
  TF_SetAttrFloat: ["void", "void *", "const char *", "float"],
  TF_SetAttrBool: ["void", "void *", "const char *", "uchar"],
  TF_SetAttrString: ["void", "void *", "const char *", "const char *", "size_t"],
  TF_SetAttrIntList: ["void", "void *", "const char *", "const int64_t *", "int"],
  TF_SetAttrShape: ["void", "void *", "const char *", "const int64_t *", "int"],
  TF_SetAttrTensor: ["void", "void *", "const char *", "void *", "void *"],
  TF_FinishOperation: ["void *", "void *", "void *"],
  TF_GraphToFunctionWithControlOutputs: [
    "void *",
    "void *",
    "const char *",
    "uchar",
    "int",
    "void *",
    "int",
    koffi.pointer(TF_OUTPUT),
    "int",
    koffi.pointer(TF_OUTPUT),
    "void *",
    "int",
    "const void *",
    "void *",
    "void *",
    "const char *",
    "void *",
  ],
  TF_DeleteFunction: ["void", "void *"],

  TF_DeviceListCount: ["int", "void *"],
  TF_DeviceListName: ["const char *", "void *", "int", "void *"],
  TF_DeviceListType: ["const char *", "void *", "int", "void *"],
  TF_DeleteDeviceList: ["void", "void *"],

  TFE_NewContextOptions: ["void *"],
  TFE_ContextOptionsSetConfig: ["void", "void *", "const void *", "size_t", "void *"],
  TFE_DeleteContextOptions: ["void", "void *"],
  TFE_NewContext: ["void *", "void *", "void *"],
  TFE_DeleteContext: ["void", "void *"],
  TFE_ContextListDevices: ["void *", "void *", "void *"],
  TFE_ContextAddFunction: ["void", "void *", "void *", "void *"],
  TFE_ContextRemoveFunction: ["void", "void *", "const char *", "void *"],
  TFE_NewTensorHandle: ["void *", "void *", "void *"],
  TFE_DeleteTensorHandle: ["void", "void *"],
  TFE_TensorHandleResolve: ["void *", "void *", "void *"],
  TFE_NewOp: ["void *", "void *", "const char *", "void *"],
  TFE_DeleteOp: ["void", "void *"],
  TFE_OpSetDevice: ["void", "void *", "const char *", "void *"],
  TFE_OpAddInput: ["void", "void *", "void *", "void *"],
  TFE_OpAddInputList: ["void", "void *", "const void *", "int", "void *"],
  TFE_OpSetAttrType: ["void", "void *", "const char *", "int"],
  TFE_OpSetAttrBool: ["void", "void *", "const char *", "uchar"],
  TFE_OpSetAttrString: ["void", "void *", "const char *", "const void *", "size_t"],
  TFE_OpSetAttrShape: ["void", "void *", "const char *", "const int64_t *", "int", "void *"],
  TFE_Execute: ["void", "void *", "void *", "void *", "void *"],
} as const;

type Name = keyof typeof PROTOTYPES;

/** A bound C function; `async` runs it on a thread of libuv's pool and calls back. */
interface Bound {
  (...args: unknown[]): any;
  readonly async: (...args: unknown[]) => void;
}

/** The bound functions of one loaded library. */
export type TensorFlow = Readonly<Record<Name, Bound>> & {
  /** E.g. `2.21.0`. */
  readonly version: string;
  readonly path: string;
  /** `memcpy` of the C library: copies between native memory and typed arrays without making a view of the former. */
  readonly copy: (to: Pointer | ArrayBufferView, from: Pointer | ArrayBufferView, bytes: number) => void;
};

/**
 * Loads a TensorFlow C library and binds its functions.
 *
 * @throws UserError when the file cannot be loaded or lacks a function.
 */
export function bindTensorFlow(path: string): TensorFlow {
  const library = load(path);
  keepLoaded(path);
  const bound = Object.fromEntries(
    Object.entries(PROTOTYPES).map(([name, [result, ...args]]) => [name, bind(library, path, name, result, args)]),
  ) as unknown as Record<Name, Bound>;
  const memcpy = libc().func("memcpy", "void *", ["void *", "const void *", "size_t"]);
  return { ...bound, path, version: bound.TF_Version() as string, copy: memcpy as unknown as TensorFlow["copy"] };
}

function load(path: string): ReturnType<typeof koffi.load> {
  try {
    return koffi.load(path);
  } catch (error) {
    throw refusal(
      `${path} cannot be loaded: ${(error as Error).message.replace(/\s+/g, " ").trim()}; install it anew with latentkit setup tensorflow`,
      error,
    );
  }
}

function bind(
  library: ReturnType<typeof koffi.load>,
  path: string,
  name: string,
  result: unknown,
  args: readonly unknown[],
): Bound {
  try {
    return library.func(name, result as string, args as string[]) as unknown as Bound;
  } catch (error) {
    throw refusal(
      `${path} has no function ${name}: it is no TensorFlow C library, or older than 2.9; install one with latentkit setup tensorflow`,
      error,
    );
  }
}

/** The C library of this process. */
export function libc(): ReturnType<typeof koffi.load> {
  return koffi.load(process.platform === "win32" ? "msvcrt.dll" : null);
}

/** A failure that TensorFlow reports. */
export class TensorFlowError extends Error {
  override readonly name = "TensorFlowError";

  constructor(
    /** `TF_Code`, e.g. 3 INVALID_ARGUMENT, 8 RESOURCE_EXHAUSTED, 12 UNIMPLEMENTED. */
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** `TF_Status`: what calls say of their success. Owned by whoever makes it. */
export class Status {
  readonly pointer: Pointer;

  constructor(private readonly tf: TensorFlow) {
    this.pointer = tf.TF_NewStatus();
  }

  /** @throws TensorFlowError when the last call failed; the status is clean again then. */
  check(): void {
    const code = this.tf.TF_GetCode(this.pointer) as number;
    if (code === 0) return;
    const message = this.tf.TF_Message(this.pointer) as string;
    this.tf.TF_SetStatus(this.pointer, 0, "");
    throw new TensorFlowError(code, message);
  }

  delete(): void {
    this.tf.TF_DeleteStatus(this.pointer);
  }
}

/** Makes a native object through a call that takes a status last. @throws TensorFlowError when it fails. */
export function checked<T>(tf: TensorFlow, call: (status: Pointer) => T): T {
  const status = shared(tf);
  const result = call(status.pointer);
  status.check();
  return result;
}

const statuses = new WeakMap<TensorFlow, Status>();

/** The status of synchronous calls, one for each library: a call is checked before the next is made. */
function shared(tf: TensorFlow): Status {
  const known = statuses.get(tf);
  if (known !== undefined) return known;
  const made = new Status(tf);
  statuses.set(tf, made);
  return made;
}
