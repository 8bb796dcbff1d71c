import { convertIndexedToRgb, type DecodedPng, decode as decodePng } from "fast-png";
import jpeg from "jpeg-js";
import type { SourceFile } from "./file.js";
import { orientationOf, upright } from "./orientation.js";
import { refusal } from "./refusal.js";
import type { Image } from "./resize.js";

/** How colours are kept: luma, or red, green, blue. */
export type Channels = "grey" | "rgb";

/**
 * Decodes a PNG or JPEG file by its content, not its name. Transparent pixels are laid over white, 16 bits become 8, and photographs
 * are turned as their EXIF orientation says.
 *
 * @throws UserError when it is neither, or damaged.
 */
export function decodeImage({ path, bytes }: Pick<SourceFile, "path" | "bytes">, channels: Channels): Image {
  const isPng = bytes[0] === 0x89 && bytes[1] === 0x50;
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  if (!isPng && !isJpeg) throw refusal(`${path} is neither PNG nor JPEG inside; convert or remove it`);
  try {
    return isPng
      ? convertChannels(readPng(bytes), channels)
      : upright(convertChannels(readJpeg(bytes), channels), orientationOf(bytes));
  } catch (error) {
    throw refusal(`${path} is damaged (${(error as Error).message}); replace or remove it`, error);
  }
}

function readJpeg(bytes: Uint8Array): Image {
  const { height, width, data } = jpeg.decode(bytes, {
    useTArray: true,
    formatAsRGBA: false,
    maxMemoryUsageInMB: 4096,
    tolerantDecoding: false,
  });
  return { height, width, channels: 3, data };
}

/** Grey, grey with alpha, RGB or RGBA of 8 bits. */
function readPng(bytes: Uint8Array): Image {
  const png = decodePng(bytes);
  const { height, width } = png;
  if (png.palette) {
    const data = convertIndexedToRgb(png);
    return { height, width, channels: data.length / (height * width), data };
  }
  const data = unpackDepth(png);
  return png.transparency ? addAlpha(png, data) : { height, width, channels: png.channels, data };
}

/** Values of 8 bits from 1, 2, 4, 8 or 16 bits, full scale to full scale. */
function unpackDepth({ height, width, channels, depth, data }: DecodedPng): Uint8Array {
  if (depth === 8) return Uint8Array.from(data);
  if (depth === 16) return Uint8Array.from(data, (value) => Math.round(value / 257));
  const rowBytes = Math.ceil((width * channels * depth) / 8);
  const top = 2 ** depth - 1;
  const rowValues = width * channels;
  return Uint8Array.from({ length: height * rowValues }, (_, i) => {
    const [row, bit] = [Math.floor(i / rowValues), (i % rowValues) * depth];
    const byte = data[row * rowBytes + (bit >> 3)] as number;
    return (((byte >> (8 - depth - (bit & 7))) & top) * 255) / top;
  });
}

/** Adds the alpha channel that a `tRNS` chunk describes: one colour is transparent. */
function addAlpha(png: DecodedPng, data: Uint8Array): Image {
  const { height, width, channels, depth } = png;
  const transparent = Array.from(png.transparency as Uint16Array, (value) =>
    Math.round((value * 255) / (2 ** depth - 1)),
  );
  const out = new Uint8Array(height * width * (channels + 1));
  for (let p = 0; p < height * width; p++) {
    const pixel = data.subarray(p * channels, (p + 1) * channels);
    out.set(pixel, p * (channels + 1));
    out[p * (channels + 1) + channels] = pixel.every((value, c) => value === transparent[c]) ? 0 : 255;
  }
  return { height, width, channels: channels + 1, data: out };
}

/** Lays an image of 1 to 4 channels over white, then converts it to 1 channel (luma of ITU-R BT.601, as JPEG's) or 3. */
function convertChannels(image: Image, channels: Channels): Image {
  const { height, width, channels: given, data } = image;
  const wanted = channels === "grey" ? 1 : 3;
  if (given === wanted) return image;
  const out = new Uint8Array(height * width * wanted);
  const colours = given <= 2 ? 1 : 3;
  for (let p = 0; p < height * width; p++) {
    const alpha = given === colours ? 1 : (data[p * given + colours] as number) / 255;
    const over = (c: number) => (data[p * given + (colours === 1 ? 0 : c)] as number) * alpha + 255 * (1 - alpha);
    if (wanted === 3) for (let c = 0; c < 3; c++) out[p * 3 + c] = Math.round(over(c));
    else out[p] = Math.round(colours === 1 ? over(0) : 0.299 * over(0) + 0.587 * over(1) + 0.114 * over(2));
  }
  return { height, width, channels: wanted, data: out };
}
