import { execFile } from "node:child_process";
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { UserError } from "@latentkit/jit";
import { afterEach, beforeEach, expect, it } from "vitest";
import { openTensorBoardSink } from "./tensorboard-sink.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "latentkit-events-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** 2 x 1 grey pixels. */
const png = Buffer.from(
  "89504e470d0a1a0a0000000d4948445200000002000000010800000000d14920560000000b49444154785e6360f80f00010201003ef462f40000000049454e44ae426082",
  "hex",
);
const now = () => 1_700_000_000_250;

// Records read with the tensorboard 2.21.0 package, whose own encoder gives the same bytes for the same events:
// file version, start at step 300, two scalars, a text, a picture at step 2^33.
const golden = [
  "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9",
  "100000000000000095fbfe180900001040fc54d94110ac023a0208016b3b88f1",
  "3200000000000000241956ec0900001040fc54d94110ac022a240a110a0a747261696e2f6c6f7373150080d0420a0f0a08747261696e2f6b6c15000000bff8b2307f",
  "34000000000000005e33175c0900001040fc54d94110ac022a260a240a046e6f74654210080712041202080142062a2ac3a92a2a4a0a0a060a04746578742002fabb669c",
  "6700000000000000baadcdd40900001040fc54d9411080808080202a560a540a0467726964224c080110021801224489504e470d0a1a0a0000000d4948445200000002000000010800000000d14920560000000b49444154785e6360f80f00010201003ef462f40000000049454e44ae42608296255abd",
];

it("writes the bytes that TensorBoard reads", async () => {
  const sink = await openTensorBoardSink(folder, { now, host: "host", resumeAt: 299 });
  sink.scalars(300, { "train/loss": 104.25, "train/kl": -0.5 });
  sink.text?.(300, "note", "**é**");
  sink.image?.(2 ** 33, "grid", png);
  await sink.close();
  const bytes = await readFile(join(folder, "events.out.tfevents.1700000000.host"));
  expect(bytes.toString("hex")).toBe(golden.join(""));
});

it("names every file later than those before, also within one second", async () => {
  for (let i = 0; i < 3; i++) await (await openTensorBoardSink(folder, { now, host: "host" })).close();
  const names = [0, 1, 2].map((i) => `events.out.tfevents.170000000${i}.host`);
  expect((await readdir(folder)).sort()).toEqual(names);
});

it("refuses a picture that is not a PNG file, and a folder it cannot write", async () => {
  const sink = await openTensorBoardSink(folder, { now });
  expect(() => sink.image?.(1, "grid", new Uint8Array(40))).toThrow("not a PNG file");
  await sink.close();
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(openTensorBoardSink(file)).rejects.toThrow(UserError);
  await expect(openTensorBoardSink(file)).rejects.toThrow(`cannot write TensorBoard events in ${file}`);
});

const READ = `
import json, sys
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.util import tensor_util
old = event_accumulator.EventAccumulator(sys.argv[1]); old.Reload()
new = plugin_event_accumulator.EventAccumulator(sys.argv[1]); new.Reload()
steps = {tag: [e.step for e in new.Tensors(tag)] for tag in new.Tags()["tensors"]}
plugins = {tag: new.SummaryMetadata(tag).plugin_data.plugin_name for tag in steps}
loss = [[e.step, e.value, e.wall_time] for e in old.Scalars("loss")]
image = [[e.step, e.width, e.height, e.encoded_image_string.hex()] for e in old.Images("grid")]
text = tensor_util.make_ndarray(new.Tensors("note")[0].tensor_proto)[0].decode()
print(json.dumps({"steps": steps, "plugins": plugins, "loss": loss, "image": image, "text": text}))
`;

/** Python with tensorboard, or why there is none. */
async function findTensorBoard(): Promise<{ python: string } | { reason: string }> {
  const python = process.env.LATENTKIT_PYTHON ?? "python3";
  try {
    await promisify(execFile)(python, ["-c", "import tensorboard"]);
    return { python };
  } catch {
    return { reason: `${python} cannot import tensorboard; set LATENTKIT_PYTHON to a Python that can` };
  }
}

it("is read by the tensorboard package, through a torn record and a resume", { timeout: 60_000 }, async ({ skip }) => {
  const found = await findTensorBoard();
  if ("reason" in found) return skip(found.reason);
  const first = await openTensorBoardSink(folder, { now });
  first.image?.(1, "grid", png);
  first.text?.(1, "note", "**é**");
  for (const step of [1, 2, 3, 4]) first.scalars(step, { loss: step / 4 });
  await first.close();
  const [name = ""] = await readdir(folder);
  await appendFile(join(folder, name), Buffer.from(golden[2] as string, "hex").subarray(0, 30));
  const second = await openTensorBoardSink(folder, { now, resumeAt: 2 });
  for (const step of [3, 4]) second.scalars(step, { loss: -step });
  await second.close();
  const { stdout } = await promisify(execFile)(found.python, ["-c", READ, folder]);
  expect(JSON.parse(stdout)).toEqual({
    steps: { grid: [1], note: [1], loss: [1, 2, 3, 4] },
    plugins: { grid: "images", note: "text", loss: "scalars" },
    loss: [0.25, 0.5, -3, -4].map((value, i) => [i + 1, value, 1700000000.25]),
    image: [[1, 2, 1, png.toString("hex")]],
    text: "**é**",
  });
});
