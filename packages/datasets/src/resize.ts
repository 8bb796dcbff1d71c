/** An image of bytes, row-major `(height, width, channels)`. */
export interface Image {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly data: Uint8Array;
}

/** The part of an image in a rectangle. */
function crop(image: Image, top: number, left: number, height: number, width: number): Image {
  const { channels } = image;
  const data = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * image.width + left) * channels;
    data.set(image.data.subarray(from, from + width * channels), y * width * channels);
  }
  return { height, width, channels, data };
}

/** The largest square in the middle of an image; half pixels go to the right and bottom. */
export function cropCenter(image: Image): Image {
  const side = Math.min(image.height, image.width);
  const [top, left] = [Math.floor((image.height - side) / 2), Math.floor((image.width - side) / 2)];
  return image.height === image.width ? image : crop(image, top, left, side, side);
}

/**
 * Resizes an image with a triangle filter as wide as the coarser of the two pixel grids: bilinear interpolation when enlarging,
 * an average over all pixels covered when shrinking, so that nothing aliases (the filter of Pillow's `BILINEAR`).
 */
export function resize(image: Image, height: number, width: number): Image {
  if (image.height === height && image.width === width) return image;
  const { channels } = image;
  const rows = new Float32Array(image.height * width * channels);
  filterAxis(image.data, rows, { lines: image.height, stride: 1, from: image.width, to: width, channels });
  const out = new Float32Array(height * width * channels);
  filterAxis(rows, out, { lines: 1, stride: width, from: image.height, to: height, channels });
  return { height, width, channels, data: Uint8Array.from(out, (value) => Math.round(value)) };
}

/** Weights of the source pixels `first … first + weights.length - 1` for one output pixel; they sum to 1. */
interface Taps {
  readonly first: number;
  readonly weights: Float64Array;
}

function tapsOf(from: number, to: number): Taps[] {
  const scale = from / to;
  const radius = Math.max(1, scale);
  return Array.from({ length: to }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(0, Math.floor(center - radius));
    const last = Math.min(from, Math.ceil(center + radius));
    const weights = Float64Array.from({ length: last - first }, (_, k) =>
      Math.max(0, 1 - Math.abs(first + k + 0.5 - center) / radius),
    );
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

/** Filters `lines` blocks of `from` groups of `stride * channels` values, each into `to` groups. */
function filterAxis(
  source: Uint8Array | Float32Array,
  out: Float32Array,
  { lines, stride, from, to, channels }: { lines: number; stride: number; from: number; to: number; channels: number },
): void {
  const group = stride * channels;
  const taps = tapsOf(from, to);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < to; i++) {
      const { first, weights } = taps[i] as Taps;
      const at = (line * to + i) * group;
      for (let k = 0; k < weights.length; k++) {
        const weight = weights[k] as number;
        const start = (line * from + first + k) * group;
        for (let c = 0; c < group; c++) out[at + c] = (out[at + c] as number) + weight * (source[start + c] as number);
      }
    }
  }
}
