import { refusal } from "../library/refusal.js";
import type { Device as FoundDevice } from "../native/context.js";

/** A device as a user names it. */
export interface WantedDevice {
  readonly type: "CPU" | "GPU";
  readonly index: number;
}

/** The device that an engine computes on. */
export interface Device {
  /** TensorFlow's name of it. */
  readonly name: string;
  /** Ours: `cpu`, `gpu:0`. */
  readonly label: string;
}

/**
 * Reads `cpu`, `gpu` or `gpu:N`.
 *
 * @throws UserError for anything else.
 */
export function parseDevice(device: string | undefined): WantedDevice | undefined {
  if (device === undefined) return undefined;
  const [, type, index = "0"] = /^(cpu|gpu)(?::(\d+))?$/.exec(device) ?? [];
  if (type === undefined || (type === "cpu" && index !== "0")) {
    throw refusal(`device must be cpu, gpu or gpu:N, got ${device}`);
  }
  return { type: type === "gpu" ? "GPU" : "CPU", index: Number(index) };
}

/**
 * The device that was asked for; the first GPU, else the CPU, when none was.
 *
 * @throws UserError that says what was found when it is not there.
 */
export function deviceName(wanted: WantedDevice | undefined, found: readonly FoundDevice[]): Device {
  const byType = (type: string) => found.filter((device) => device.type === type).map(({ name }) => name);
  const type = wanted?.type ?? (byType("GPU").length > 0 ? "GPU" : "CPU");
  const name = byType(type)[wanted?.index ?? 0];
  if (name !== undefined) return { name, label: type === "CPU" ? "cpu" : `gpu:${wanted?.index ?? 0}` };
  const gpus = byType("GPU").length;
  const list = gpus === 0 ? "only the CPU" : `the CPU and ${gpus} ${gpus === 1 ? "GPU" : "GPUs"}`;
  throw refusal(
    `device gpu:${wanted?.index} is not there: TensorFlow found ${list}; a GPU needs its driver and a library for it (latentkit setup tensorflow --gpu), or use device cpu`,
  );
}
