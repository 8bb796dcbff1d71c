/**
 * Messages of TensorBoard's event files, encoded.
 * Field numbers: tensorboard/compat/proto/{event,summary,tensor,tensor_shape}.proto, https://github.com/tensorflow/tensorboard
 */
import { bytesField, doubleField, floatField, intField, message, stringField } from "./proto.js";

/** When something was logged. */
export interface EventTime {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
}

const WALL_TIME = 1;
const STEP = 2;
const FILE_VERSION = 3;
const SUMMARY = 5;
const SESSION_LOG = 7;

/** `Summary.Value`'s tag. */
const TAG = 1;
const DT_STRING = 7;
const DATA_CLASS_TENSOR = 2;
const SESSION_START = 1;

/** The first event of every file. */
export function fileVersionEvent(wallTime: number): Uint8Array {
  return message(doubleField(WALL_TIME, wallTime), stringField(FILE_VERSION, "brain.Event:2"));
}

/** Says that the run started again at `step`: readers drop what earlier files hold of it and later steps. */
export function sessionStartEvent(time: EventTime): Uint8Array {
  return event(time, bytesField(SESSION_LOG, intField(1, SESSION_START)));
}

/** Scalars are stored as float32. */
export function scalarsEvent(time: EventTime, values: Readonly<Record<string, number>>): Uint8Array {
  return summaryEvent(
    time,
    Object.entries(values).map(([tag, value]) => message(stringField(TAG, tag), floatField(2, value))),
  );
}

/** @throws RangeError when `png` is not a PNG file. */
export function imageEvent(time: EventTime, tag: string, png: Uint8Array): Uint8Array {
  const { width, height, channels } = pngHeader(png);
  const image = message(intField(1, height), intField(2, width), intField(3, channels), bytesField(4, png));
  return summaryEvent(time, [message(stringField(TAG, tag), bytesField(4, image))]);
}

/** A string tensor of shape (1) for the text plugin, which renders Markdown. */
export function textEvent(time: EventTime, tag: string, text: string): Uint8Array {
  const shape = bytesField(2, intField(1, 1));
  const tensor = message(intField(1, DT_STRING), bytesField(2, shape), stringField(8, text));
  const metadata = message(bytesField(1, stringField(1, "text")), intField(4, DATA_CLASS_TENSOR));
  return summaryEvent(time, [message(stringField(TAG, tag), bytesField(8, tensor), bytesField(9, metadata))]);
}

function summaryEvent(time: EventTime, values: readonly Uint8Array[]): Uint8Array {
  return event(time, bytesField(SUMMARY, message(...values.map((value) => bytesField(1, value)))));
}

function event({ wallTime, step }: EventTime, what: Uint8Array): Uint8Array {
  return message(doubleField(WALL_TIME, wallTime), intField(STEP, step), what);
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Samples a pixel by PNG colour type (PNG specification, section 11.2.2); a palette shows as RGB. */
const PNG_CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 };

function pngHeader(png: Uint8Array): { width: number; height: number; channels: number } {
  if (png.length < 33 || PNG_SIGNATURE.some((byte, i) => png[i] !== byte)) {
    throw new RangeError("image: the bytes are not a PNG file");
  }
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  return { width: view.getUint32(16), height: view.getUint32(20), channels: PNG_CHANNELS[view.getUint8(25)] ?? 3 };
}
