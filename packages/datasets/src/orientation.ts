import type { Image } from "./resize.js";

/** How a camera was held: 1 upright, 2 to 8 the other turns and reflections of EXIF tag 0x0112 (CIPA DC-008, §4.6.4). */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const APP1 = 0xe1;
const START_OF_SCAN = 0xda;
const ORIENTATION_TAG = 0x0112;

/** The EXIF orientation of a JPEG file; 1 when it has none. */
export function orientationOf(jpeg: Uint8Array): Orientation {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.length);
  for (let at = 2; at + 4 <= view.byteLength && view.getUint8(at) === 0xff; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint8(at + 1);
    if (marker === START_OF_SCAN) break;
    const isExif = marker === APP1 && at + 10 <= view.byteLength && view.getUint32(at + 4) === 0x45786966; // "Exif"
    if (isExif)
      return orientationInTiff(
        new DataView(
          jpeg.buffer,
          jpeg.byteOffset + at + 10,
          Math.min(view.getUint16(at + 2) - 8, view.byteLength - at - 10),
        ),
      );
  }
  return 1;
}

/** Searches the first directory of the TIFF structure that EXIF is. */
function orientationInTiff(tiff: DataView): Orientation {
  if (tiff.byteLength < 8) return 1;
  const isLittle = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, isLittle);
  if (directory + 2 > tiff.byteLength) return 1;
  const count = tiff.getUint16(directory, isLittle);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + 12 * i;
    if (entry + 12 > tiff.byteLength) break;
    if (tiff.getUint16(entry, isLittle) !== ORIENTATION_TAG) continue;
    const value = tiff.getUint16(entry + 8, isLittle);
    return value >= 1 && value <= 8 ? (value as Orientation) : 1;
  }
  return 1;
}

/** Turns and reflects an image so that it stands upright. */
export function upright(image: Image, orientation: Orientation): Image {
  if (orientation === 1) return image;
  const isTransposed = orientation >= 5;
  const { channels } = image;
  const [height, width] = isTransposed ? [image.width, image.height] : [image.height, image.width];
  const flipsX = [2, 3, 7, 8].includes(orientation);
  const flipsY = [3, 4, 6, 7].includes(orientation);
  const data = new Uint8Array(image.data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [u, v] = isTransposed ? [y, x] : [x, y];
      const sx = flipsX ? image.width - 1 - u : u;
      const sy = flipsY ? image.height - 1 - v : v;
      const from = (sy * image.width + sx) * channels;
      data.set(image.data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return { height, width, channels, data };
}
