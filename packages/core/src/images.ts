import { type HostTensor, sizeOf, UserError } from "@latentkit/jit";
import { encode } from "fast-png";

/** An 8-bit picture, rows top to bottom, channels interleaved. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** 1: grey, 3: RGB, 4: RGBA. */
  readonly channels: number;
  readonly data: Uint8Array;
}

/** How {@link tileImages} lays out a grid. */
export interface TileOptions {
  /** Pictures a row; the nearest to a square when absent. */
  readonly columns?: number | undefined;
  /** Width of the lines between and around the pictures, in pixels of the result; 2 when absent. */
  readonly padding?: number | undefined;
  /** Whole number of pixels a value becomes in each direction; chosen to make small pictures about 64 pixels when absent. */
  readonly scale?: number | undefined;
  /** Grey of the lines in [0, 1]; 0.25 when absent. */
  readonly background?: number | undefined;
}

/**
 * Arranges pictures in a grid, row by row, with thin lines between them.
 *
 * @param images Float values in [0, 1], shape `(n, height, width, channels)` with 1, 3 or 4 channels; values outside are clipped.
 * @throws UserError when a value is NaN.
 * @throws RangeError for another shape or options that are not whole numbers.
 */
export function tileImages(images: HostTensor, options: TileOptions = {}): Picture {
  const [n, height, width, channels] = imageShape(images);
  const scale = options.scale ?? Math.max(1, Math.round(64 / Math.max(height, width)));
  const padding = options.padding ?? 2;
  const columns = Math.min(n, options.columns ?? Math.ceil(Math.sqrt(n)));
  if (![scale, columns].every((v) => Number.isInteger(v) && v >= 1) || !(Number.isInteger(padding) && padding >= 0)) {
    throw new RangeError(
      `tileImages: columns, scale and padding must be whole numbers, got ${columns}, ${scale}, ${padding}`,
    );
  }
  const cell = { width: width * scale + padding, height: height * scale + padding };
  const picture = {
    width: columns * cell.width + padding,
    height: Math.ceil(n / columns) * cell.height + padding,
    channels,
  };
  const data = new Uint8Array(picture.width * picture.height * channels);
  fillBackground(data, channels, toByte(options.background ?? 0.25));
  for (let i = 0; i < n; i++) {
    const left = padding + (i % columns) * cell.width;
    const top = padding + Math.floor(i / columns) * cell.height;
    drawTile(data, picture, images, i, { left, top, scale });
  }
  return { ...picture, data };
}

function imageShape({ shape, data, dtype }: HostTensor): [n: number, height: number, width: number, channels: number] {
  const [n = 0, height = 0, width = 0, channels = 0] = shape;
  if (dtype !== "float32" || shape.length !== 4 || sizeOf(shape) === 0 || ![1, 3, 4].includes(channels)) {
    throw new RangeError(`tileImages: need float32 (n, height, width, 1 | 3 | 4), got ${dtype} [${shape}]`);
  }
  const bad = data.findIndex(Number.isNaN);
  if (bad >= 0) {
    const image = Math.floor(bad / (height * width * channels));
    throw new UserError(
      "@latentkit/core",
      `image ${image} of ${n} holds NaN; the model diverged, use an earlier checkpoint`,
    );
  }
  return [n, height, width, channels];
}

const toByte = (value: number): number => Math.round(Math.min(1, Math.max(0, value)) * 255);

/** Lines are grey and opaque. */
function fillBackground(data: Uint8Array, channels: number, grey: number): void {
  data.fill(grey);
  if (channels === 4) for (let i = 3; i < data.length; i += 4) data[i] = 255;
}

function drawTile(
  target: Uint8Array,
  picture: Omit<Picture, "data">,
  { data, shape }: HostTensor,
  index: number,
  { left, top, scale }: { left: number; top: number; scale: number },
): void {
  const [, height, width, channels] = shape as [number, number, number, number];
  const stride = picture.width * channels;
  let source = index * height * width * channels;
  for (let y = 0; y < height; y++) {
    const row = (top + y * scale) * stride + left * channels;
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const byte = toByte(data[source++] as number);
        for (let s = 0; s < scale; s++) target[row + (x * scale + s) * channels + c] = byte;
      }
    }
    const end = row + width * scale * channels;
    for (let s = 1; s < scale; s++) target.copyWithin(row + s * stride, row, end);
  }
}

/** The bytes of a PNG file, 8 bits a channel. */
export function encodePng({ width, height, channels, data }: Picture): Uint8Array {
  return encode({ width, height, channels, depth: 8, data });
}
