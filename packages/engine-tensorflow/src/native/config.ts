import protobuf from "protobufjs/light.js";

/** The part of TensorFlow's `ConfigProto` that is set, by its public field numbers. tensorflow/core/protobuf/{config,rewriter_config}.proto */
const SCHEMA = {
  nested: {
    ConfigProto: {
      fields: {
        intraOpParallelismThreads: { type: "int32", id: 2 },
        interOpParallelismThreads: { type: "int32", id: 5 },
        gpuOptions: { type: "GPUOptions", id: 6 },
        allowSoftPlacement: { type: "bool", id: 7 },
        graphOptions: { type: "GraphOptions", id: 10 },
      },
    },
    GPUOptions: { fields: { allowGrowth: { type: "bool", id: 4 }, visibleDeviceList: { type: "string", id: 5 } } },
    GraphOptions: { fields: { rewriteOptions: { type: "RewriterConfig", id: 10 } } },
    RewriterConfig: { fields: { remapping: { type: "int32", id: 14 } } },
  },
};

const root = protobuf.Root.fromJSON(SCHEMA);
const configProto = root.lookupType("ConfigProto");

/** `RewriterConfig.Toggle`. */
const OFF = 2;

function encode(message: object): Uint8Array {
  return configProto.encode(configProto.create(message)).finish();
}

/** What a context is made with. */
export interface ContextConfig {
  readonly threads: number;
}

/** A context's threads; GPU memory grows as it is needed. */
export function contextConfig({ threads }: ContextConfig): Uint8Array {
  return encode({
    intraOpParallelismThreads: threads,
    interOpParallelismThreads: threads,
    gpuOptions: { allowGrowth: true },
    allowSoftPlacement: true,
  });
}

/**
 * How the graph optimizer treats one program. Its remapping is off: it fuses `matMul * scale + mask` into a oneDNN operator whose broadcast
 * mask is slower than everything else in a transformer's step together.
 */
export function programConfig(): Uint8Array {
  return encode({ allowSoftPlacement: true, graphOptions: { rewriteOptions: { remapping: OFF } } });
}
