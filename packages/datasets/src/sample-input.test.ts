import { hostTensor } from "@latentkit/core";
import { encodeNpy } from "@latentkit/core/node";
import { expect, it } from "vitest";
import { expectRefusal, put, temporaryFolder } from "../test/files.js";
import { readSampleInput } from "./index.js";

const folder = temporaryFolder();

it("takes numbers as they are, for all samples or for each, and none that is not finite", async () => {
  const one = put(folder, "one.npy", encodeNpy(hostTensor([-3, 0.5], [2])));
  expect(await readSampleInput(one, { shape: [2] })).toEqual(hostTensor([-3, 0.5], [1, 2]));
  const each = put(folder, "each.npy", encodeNpy(hostTensor([1, 2, 3, 4, 5, 6], [3, 2])));
  expect(await readSampleInput(each, { shape: [2] })).toEqual(hostTensor([1, 2, 3, 4, 5, 6], [3, 2]));
  await expectRefusal(
    readSampleInput(each, { shape: [3] }),
    /each.npy has shape \[3,2\], the model takes \[3\] or \[n,3\]/,
  );
  const broken = put(folder, "broken.npy", encodeNpy(hostTensor([1, Number.NaN], [2])));
  await expectRefusal(readSampleInput(broken, { shape: [2] }), /broken.npy holds NaN at \[1\]/);
});
