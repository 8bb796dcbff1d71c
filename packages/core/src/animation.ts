/*
 * Animated PNG: a PNG whose further frames stand in chunks that other readers pass over, so that every viewer shows at least the first frame.
 * Specification: https://www.w3.org/TR/png-3/#apng-frame-based-animation
 */
import { crc32 } from "./crc.js";
import { encodePng, type Picture } from "./images.js";

/** How an animation plays. */
export interface AnimationOptions {
  /** Milliseconds a frame; 100 when absent. */
  readonly delay?: number;
  /** Milliseconds of the last frame; 15 times `delay` when absent. */
  readonly lastDelay?: number;
  /** How often it plays, 0 for ever, which is the default. */
  readonly plays?: number;
}

const SIGNATURE_LENGTH = 8;
/** Length, type and check sum around the data of a chunk. */
const CHUNK_FRAME = 12;

/**
 * The bytes of an animated PNG.
 *
 * @param frames Pictures of one size.
 * @throws RangeError when there are none, or sizes differ.
 */
export function encodeApng(frames: readonly Picture[], options: AnimationOptions = {}): Uint8Array {
  const { delay = 100, lastDelay = 15 * delay, plays = 0 } = options;
  const [first] = frames;
  if (first === undefined) throw new RangeError("encodeApng: need at least one frame");
  const sizeOf = ({ width, height, channels }: Picture) => [width, height, channels].join("x");
  const odd = frames.find((frame) => sizeOf(frame) !== sizeOf(first));
  if (odd !== undefined) throw new RangeError(`encodeApng: a frame is ${sizeOf(odd)}, the first is ${sizeOf(first)}`);
  const png = encodePng(first);
  const head = chunksOf(png);
  const parts: Uint8Array[] = [png.subarray(0, SIGNATURE_LENGTH)];
  parts.push(...head.filter(({ type }) => type === "IHDR").map(chunkBytes));
  parts.push(chunkBytes({ type: "acTL", data: bigEndian([frames.length, plays]) }));
  let sequence = 0;
  for (const [i, frame] of frames.entries()) {
    const time = i === frames.length - 1 ? lastDelay : delay;
    parts.push(chunkBytes({ type: "fcTL", data: frameControl(sequence++, frame, time) }));
    for (const { type, data } of i === 0 ? head : chunksOf(encodePng(frame))) {
      if (type !== "IDAT") continue;
      if (i === 0) parts.push(chunkBytes({ type, data }));
      else parts.push(chunkBytes({ type: "fdAT", data: joined([bigEndian([sequence++]), data]) }));
    }
  }
  parts.push(chunkBytes({ type: "IEND", data: new Uint8Array() }));
  return joined(parts);
}

interface Chunk {
  readonly type: string;
  readonly data: Uint8Array;
}

function chunksOf(png: Uint8Array): Chunk[] {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  const chunks: Chunk[] = [];
  for (let at = SIGNATURE_LENGTH; at < png.length; ) {
    const length = view.getUint32(at);
    const type = String.fromCharCode(...png.subarray(at + 4, at + 8));
    chunks.push({ type, data: png.subarray(at + 8, at + 8 + length) });
    at += length + CHUNK_FRAME;
  }
  return chunks;
}

function chunkBytes({ type, data }: Chunk): Uint8Array {
  const checked = joined([Uint8Array.from(type, (letter) => letter.charCodeAt(0)), data]);
  return joined([bigEndian([data.length]), checked, bigEndian([crc32(checked)])]);
}

/** The whole picture, shown so many milliseconds, over whatever was there. */
function frameControl(sequence: number, { width, height }: Picture, delay: number): Uint8Array {
  const times = new Uint8Array(6); // delay as a fraction of 16 bits each; disposal 0, blending 0
  new DataView(times.buffer).setUint16(0, Math.min(65_535, Math.round(delay)));
  new DataView(times.buffer).setUint16(2, 1000);
  return joined([bigEndian([sequence, width, height, 0, 0]), times]);
}

function bigEndian(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
