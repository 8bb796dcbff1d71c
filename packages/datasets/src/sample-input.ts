import { extname } from "node:path";
import { type HostTensor, hostTensor, type SampleInput } from "@latentkit/core";
import { decodeImage } from "./decode-image.js";
import { readSource, type SourceFile } from "./file.js";
import { toFloats } from "./npy.js";
import { parseNpy } from "./npy-format.js";
import { refusal } from "./refusal.js";

/** What a file has to hold. */
interface FileInput extends Pick<SampleInput, "range"> {
  readonly shape: readonly number[];
}

/**
 * What a sampler is given from a file: a PNG or JPEG picture, black and white at the ends of the input's range; or the numbers of a `.npy` file as they are,
 * one for all samples or one for each.
 *
 * @returns Shape `(1, ...shape)`, or `(n, ...shape)`.
 * @throws UserError when the file cannot be read, has another size, or holds a number that float32 cannot.
 */
export async function readSampleInput(path: string, input: FileInput): Promise<HostTensor> {
  const ending = extname(path).toLowerCase();
  const isPicture = [".png", ".jpg", ".jpeg"].includes(ending) && input.shape.length === 3;
  if (ending !== ".npy" && !isPicture)
    throw refusal(`${path} must end in ${input.shape.length === 3 ? ".png, .jpg, .jpeg or " : ""}.npy`);
  const source = await readSource(path);
  return isPicture ? picture(source, input) : numbers(source, input);
}

function picture(source: SourceFile, { shape, range: [low, high] = [0, 1] }: FileInput): HostTensor {
  const [height, width, channels] = shape as [number, number, number];
  const image = decodeImage(source, channels === 1 ? "grey" : "rgb");
  if (image.height !== height || image.width !== width) {
    throw refusal(
      `${source.path} is ${image.height}x${image.width} (height x width), the model takes ${height}x${width}; resize it`,
    );
  }
  const values = Float32Array.from(image.data, (byte) => low + ((high - low) * byte) / 255);
  return hostTensor(values, [1, ...shape]);
}

function numbers(source: SourceFile, { shape }: Pick<FileInput, "shape">): HostTensor {
  const array = parseNpy(source);
  const isOne = array.shape.join() === shape.join();
  if (!isOne && array.shape.slice(1).join() !== shape.join()) {
    throw refusal(`${source.path} has shape [${array.shape}], the model takes [${shape}] or [n,${shape}]; reshape it`);
  }
  return hostTensor(toFloats(source.path, array), isOne ? [1, ...shape] : array.shape);
}
