import type { HostTensor, TensorSpec } from "@latentkit/jit";
import koffi from "koffi";
import { type ContextConfig, contextConfig } from "./config.js";
import { DATA_TYPE, dims, newHandle, readHandle } from "./tensor.js";
import { checked, type Pointer, Status, type TensorFlow } from "./tensorflow.js";

/** A device that TensorFlow can use, e.g. `/job:localhost/replica:0/task:0/device:CPU:0`. */
export interface Device {
  readonly name: string;
  /** `CPU`, `GPU`. */
  readonly type: string;
}

/** `TFE_Context`: functions, variables and devices of one process. Its threads are the library's own and serve everyone. */
export class Context {
  readonly #pointer: Pointer;
  readonly devices: readonly Device[];
  #count = 0;

  constructor(
    readonly tf: TensorFlow,
    config: ContextConfig,
  ) {
    const options = tf.TFE_NewContextOptions() as Pointer;
    try {
      const bytes = contextConfig(config);
      checked(tf, (status) => tf.TFE_ContextOptionsSetConfig(options, bytes, bytes.length, status));
      this.#pointer = checked(tf, (status) => tf.TFE_NewContext(options, status));
    } finally {
      tf.TFE_DeleteContextOptions(options);
    }
    this.devices = this.#listDevices();
  }

  #listDevices(): Device[] {
    const { tf } = this;
    const list = checked(tf, (status) => tf.TFE_ContextListDevices(this.#pointer, status)) as Pointer;
    try {
      return Array.from({ length: tf.TF_DeviceListCount(list) as number }, (_, i) => ({
        name: checked(tf, (status) => tf.TF_DeviceListName(list, i, status)) as string,
        type: checked(tf, (status) => tf.TF_DeviceListType(list, i, status)) as string,
      }));
    } finally {
      tf.TF_DeleteDeviceList(list);
    }
  }

  /** A name that nothing in this context has. */
  uniqueName(kind: string): string {
    return `latentkit_${kind}_${this.#count++}`;
  }

  /** Takes over a `TF_Function`, which it deletes. */
  addFunction(definition: Pointer): void {
    const { tf } = this;
    try {
      checked(tf, (status) => tf.TFE_ContextAddFunction(this.#pointer, definition, status));
    } finally {
      tf.TF_DeleteFunction(definition);
    }
  }

  removeFunction(name: string): void {
    checked(this.tf, (status) => this.tf.TFE_ContextRemoveFunction(this.#pointer, name, status));
  }

  /** A new operation or function call to execute; the caller deletes it. */
  newOp(name: string, device?: string): Pointer {
    const { tf } = this;
    const op = checked(tf, (status) => tf.TFE_NewOp(this.#pointer, name, status)) as Pointer;
    if (device !== undefined) checked(tf, (status) => tf.TFE_OpSetDevice(op, device, status));
    return op;
  }

  /** A variable without a value; {@link destroyVariable} ends it. */
  newVariable({ dtype, shape }: TensorSpec, device: string): Pointer {
    const { tf } = this;
    const name = this.uniqueName("variable");
    return this.#execute("VarHandleOp", device, 1, (op) => {
      tf.TFE_OpSetAttrType(op, "dtype", DATA_TYPE[dtype]);
      checked(tf, (status) => tf.TFE_OpSetAttrShape(op, "shape", dims(shape), shape.length, status));
      tf.TFE_OpSetAttrString(op, "shared_name", Buffer.from(name), name.length);
      tf.TFE_OpSetAttrString(op, "container", Buffer.alloc(1), 0);
    })[0] as Pointer;
  }

  assignVariable(variable: Pointer, value: HostTensor, device: string): void {
    const { tf } = this;
    const handle = newHandle(tf, value);
    try {
      this.#execute("AssignVariableOp", device, 0, (op) => {
        tf.TFE_OpSetAttrType(op, "dtype", DATA_TYPE[value.dtype]);
        for (const input of [variable, handle]) checked(tf, (status) => tf.TFE_OpAddInput(op, input, status));
      });
    } finally {
      tf.TFE_DeleteTensorHandle(handle);
    }
  }

  readVariable(variable: Pointer, spec: TensorSpec, device: string): HostTensor {
    const { tf } = this;
    const [handle] = this.#execute("ReadVariableOp", device, 1, (op) => {
      tf.TFE_OpSetAttrType(op, "dtype", DATA_TYPE[spec.dtype]);
      checked(tf, (status) => tf.TFE_OpAddInput(op, variable, status));
    }) as [Pointer];
    try {
      return readHandle(tf, handle, spec);
    } finally {
      tf.TFE_DeleteTensorHandle(handle);
    }
  }

  destroyVariable(variable: Pointer, device: string): void {
    const { tf } = this;
    this.#execute("DestroyResourceOp", device, 0, (op) => {
      tf.TFE_OpSetAttrBool(op, "ignore_lookup_error", 1);
      checked(tf, (status) => tf.TFE_OpAddInput(op, variable, status));
    });
    tf.TFE_DeleteTensorHandle(variable);
  }

  /** Executes a small operation at once. */
  #execute(name: string, device: string, outputs: number, prepare: (op: Pointer) => void): Pointer[] {
    const op = this.newOp(name, device);
    try {
      prepare(op);
      const results = new BigUint64Array(outputs + 1); // never empty: its address is passed
      checked(this.tf, (status) => this.tf.TFE_Execute(op, results, Int32Array.of(outputs), status));
      return [...results.subarray(0, outputs)];
    } finally {
      this.tf.TFE_DeleteOp(op);
    }
  }
}

/** Memory for the results of one program's runs, used by one run at a time. */
export class CallFrame {
  readonly status: Status;
  readonly #results: Pointer;
  readonly #count: Pointer;
  readonly #resultWords: BigUint64Array;
  readonly #countWord: Int32Array;

  constructor(
    private readonly tf: TensorFlow,
    private readonly outputs: number,
  ) {
    this.status = new Status(tf);
    const words = Math.max(1, outputs);
    this.#results = koffi.alloc("uint64_t", words) as Pointer;
    this.#count = koffi.alloc("int", 1) as Pointer;
    this.#resultWords = new BigUint64Array(koffi.view(this.#results, 8 * words));
    this.#countWord = new Int32Array(koffi.view(this.#count, 4));
  }

  /** Executes an operation on a thread of libuv's pool. @returns Handles of its results, which the caller deletes. @throws TensorFlowError */
  async execute(op: Pointer): Promise<Pointer[]> {
    this.#countWord[0] = this.outputs;
    await new Promise<void>((resolve, reject) => {
      this.tf.TFE_Execute.async(op, this.#results, this.#count, this.status.pointer, (error: Error | null) =>
        error ? reject(error) : resolve(),
      );
    });
    this.status.check();
    return [...this.#resultWords.subarray(0, this.outputs)];
  }

  delete(): void {
    this.status.delete();
    koffi.free(this.#results);
    koffi.free(this.#count);
  }
}
