/** A GPT-2 that transformers saved (tools/fixtures/gpt2_folder.py) computes the same logits here, and comes back as it was. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeSafetensors,
  encodeSafetensors,
  type ForeignFolder,
  type ForeignModel,
  type HostTensor,
  hostTensor,
  parseOptions,
  unflatten,
} from "@latentkit/core";
import { exportRun, importRun, openRun } from "@latentkit/core/node";
import { compile, eager } from "@latentkit/jit";
import { afterAll, describe, expect, it } from "vitest";
import { arTransformerConfig } from "../src/config.js";
import { gpt2Folder } from "../src/huggingface/folder.js";
import { arTransformerPlugin } from "../src/plugin.js";
import { wireTransformer } from "../src/transformer.js";

const FIXTURE = new URL("fixtures/gpt2/", import.meta.url);
const original = new Map<string, Uint8Array>(
  readdirSync(FIXTURE).map((name) => [name, new Uint8Array(readFileSync(new URL(name, FIXTURE)))]),
);
const weights = decodeSafetensors(original.get("model.safetensors") as Uint8Array).tensors;
const expected = decodeSafetensors(
  new Uint8Array(readFileSync(new URL("../gpt2-logits.safetensors", FIXTURE))),
).tensors;

function folderOf(files: ReadonlyMap<string, Uint8Array>): ForeignFolder {
  return { name: "some/gpt2", files: [...files.keys()], read: async (name) => files.get(name) as Uint8Array };
}

/** The fixture with other weights. */
function withWeights(tensors: ReadonlyMap<string, HostTensor>): Map<string, Uint8Array> {
  return new Map([...original, ["model.safetensors", encodeSafetensors(tensors)]]);
}

/** The fixture with other keys in its `config.json`. */
function withConfig(changes: object, base = original): Map<string, Uint8Array> {
  const config = JSON.parse(new TextDecoder().decode(original.get("config.json")));
  return new Map([...base, ["config.json", new TextEncoder().encode(JSON.stringify({ ...config, ...changes }))]]);
}

/** Largest difference to the logits that transformers computed. */
async function logitError({ config, data, weights: read }: ForeignModel): Promise<number> {
  const { network } = wireTransformer(parseOptions("test", arTransformerConfig, config), data.datum);
  const entries = [...read].flatMap(([path, tensor]) =>
    path.startsWith("params.") ? [[path.slice(7), tensor] as [string, HostTensor]] : [],
  );
  const { tokens, logits } = Object.fromEntries(expected) as { tokens: HostTensor; logits: HostTensor };
  const engine = eager();
  const inputs = { params: unflatten(entries), tokens };
  const program = await compile(
    engine,
    (_state: any, { params, tokens: x }: any) => ({
      outputs: { y: network.logits(params, { inputs: x, targets: x }) },
    }),
    { state: {}, inputs } as never,
    engine.createStore(),
  );
  const { y } = (await program.run(inputs as never)) as { y: HostTensor };
  return Array.from(y.data).reduce((most, value, i) => Math.max(most, Math.abs(value - (logits.data[i] as number))), 0);
}

describe("a folder of Hugging Face's GPT-2", () => {
  it("computes the logits of transformers, with and without the prefix, sharded, with masks and a copy of the tied head", async () => {
    expect(await logitError(await gpt2Folder.read(folderOf(original)))).toBeLessThan(2e-5);
    const bare = [...weights].map(([name, tensor]) => [name.replace(/^transformer\./, ""), tensor] as const);
    const mask = hostTensor(new Float32Array(24 * 24), [1, 1, 24, 24]);
    const old = new Map([...bare, ["h.0.attn.bias", mask], ["h.1.attn.masked_bias", hostTensor([-1e4], [])] as const]);
    old.set("lm_head.weight", weights.get("transformer.wte.weight") as HostTensor);
    expect(await logitError(await gpt2Folder.read(folderOf(withWeights(old))))).toBeLessThan(2e-5);
    const names = [...weights.keys()];
    const shard = (part: number) => new Map([...weights].filter(([name]) => names.indexOf(name) % 2 === part));
    const map = Object.fromEntries(names.map((name, i) => [name, `model-0000${(i % 2) + 1}-of-00002.safetensors`]));
    const sharded = new Map(original);
    sharded.delete("model.safetensors");
    sharded.set("model.safetensors.index.json", new TextEncoder().encode(JSON.stringify({ weight_map: map })));
    for (const part of [0, 1])
      sharded.set(`model-0000${part + 1}-of-00002.safetensors`, encodeSafetensors(shard(part)));
    expect(await logitError(await gpt2Folder.read(folderOf(sharded)))).toBeLessThan(2e-5);
  });

  it("brings its tokenizer", async () => {
    const { data } = await gpt2Folder.read(folderOf(original));
    const ids = data.tokenizer?.encode("Some years ago—never mind how long");
    expect(Array.from(ids ?? []).slice(0, 24)).toEqual(Array.from(expected.get("tokens")?.data ?? []));
    expect(data.datum).toEqual({ kind: "tokens", shape: [25], vocabulary: 280, context: 1 });
  });

  it("comes back without loss through a run folder, unknown keys and tokenizer included", async () => {
    const work = mkdtempSync(join(tmpdir(), "latentkit-gpt2-"));
    afterAll(() => rmSync(work, { recursive: true, force: true }));
    const run = join(work, "run");
    const plugins = [arTransformerPlugin as never];
    await importRun({ folder: new URL(".", FIXTURE).pathname, out: run, plugins });
    const findModel = () => arTransformerPlugin as never;
    const opened = await openRun(run, { findModel, createEngine: async () => eager() });
    const x = await opened.session.sample({ n: 1, options: { maxNewTokens: 3, temperature: 0 } });
    expect(x.data[0]).toBe(0); // begins with <|endoftext|>
    await exportRun({ run, out: join(work, "back"), plugins });
    const back = new Map(readdirSync(join(work, "back")).map((name) => [name, readFileSync(join(work, "back", name))]));
    expect([...back.keys()].sort()).toEqual([...original.keys()].sort());
    for (const name of ["tokenizer.json", "tokenizer_config.json", "generation_config.json"])
      expect(back.get(name)?.equals(original.get(name) as Uint8Array)).toBe(true);
    const json = (files: ReadonlyMap<string, Uint8Array>) =>
      JSON.parse(new TextDecoder().decode(files.get("config.json")));
    expect(json(back)).toEqual(json(original));
    const written = decodeSafetensors(new Uint8Array(back.get("model.safetensors") as Uint8Array));
    expect(written.metadata).toEqual({ format: "pt" });
    expect(new Map([...written.tensors].sort())).toEqual(new Map([...weights].sort()));
    await expect(exportRun({ run, out: join(work, "back"), plugins })).rejects.toThrow(/holds files/);
  });

  it("is written of a model without biases too: zeros compute the same", async () => {
    const config = { nLayer: 2, nHead: 2, nEmbd: 16, blockSize: 24, bias: false };
    const tensors = new Map(
      [...weights].filter(([name]) => !name.endsWith("bias")).map(([name, tensor]) => [`params.${name}`, tensor]),
    );
    const data = { datum: { kind: "tokens", shape: [25], vocabulary: 280, context: 1 } } as const;
    const files = await gpt2Folder.write({ config, data, weights: tensors });
    const read = await gpt2Folder.read(folderOf(files));
    expect(read.weights.get("params.transformer.h.0.attn.c_attn.bias")?.data.every((value) => value === 0)).toBe(true);
    expect(read.weights.get("params.transformer.ln_f.weight")).toEqual(tensors.get("params.transformer.ln_f.weight"));
    expect(JSON.parse(new TextDecoder().decode(files.get("config.json")))).toMatchObject({
      model_type: "gpt2",
      n_inner: null,
      activation_function: "gelu_new",
      tie_word_embeddings: true,
    });
  });

  it("that is incomplete, or another model's, is refused in one line that names the tensors", async () => {
    const some = new Map(weights);
    some.delete("transformer.h.1.mlp.c_fc.weight");
    some.set("extra.weight", hostTensor([1], [1]));
    some.set("transformer.ln_f.bias", hostTensor([1, 2], [2]));
    await expect(gpt2Folder.read(folderOf(withWeights(some)))).rejects.toThrow(
      /some\/gpt2 do not fit its config.json: missing transformer.h.1.mlp.c_fc.weight; unknown transformer.extra.weight; transformer.ln_f.bias is \[2\] instead of \[16\]$/,
    );
    const untied = new Map(weights).set("lm_head.weight", hostTensor(new Float32Array(280 * 16), [280, 16]));
    await expect(gpt2Folder.read(folderOf(withWeights(untied)))).rejects.toThrow(/set tie_word_embeddings false/);
    const free = await gpt2Folder.read(folderOf(withConfig({ tie_word_embeddings: false }, withWeights(untied))));
    expect(free.weights.get("params.lm_head.weight")?.shape).toEqual([280, 16]);
  });

  it.each([
    [withConfig({ vocab_size: 100 }), /the tokenizer of some\/gpt2 does not match the model: it has 280 tokens/],
    [withConfig({ model_type: "llama" }), /model_type is "llama"/],
    [withConfig({ n_head: undefined }), /n_head must be a whole number from 1/],
    [withConfig({ activation_function: "gelu" }), /activation_function "gelu" is not supported/],
    [withConfig({ scale_attn_by_inverse_layer_idx: true }), /scale_attn_by_inverse_layer_idx true is not supported/],
    [withConfig({ layer_norm_epsilon: 1e-6 }), /layer_norm_epsilon/],
    [new Map([...original].filter(([name]) => name !== "model.safetensors")), /neither model.safetensors nor/],
    [new Map([...original, ["config.json", new Uint8Array([123])]]), /config.json is not JSON/],
  ])("that we cannot compute is refused %#", async (files, message) => {
    await expect(gpt2Folder.read(folderOf(files))).rejects.toThrow(message);
  });

  it("cannot hold what GPT-2 has not", async () => {
    const data = { datum: { kind: "tokens", shape: [25], vocabulary: 280, context: 1 } } as const;
    const write = (config: object) => gpt2Folder.write({ config: config as never, data, weights: new Map() });
    await expect(write({ block: "modern" })).rejects.toThrow(/cannot hold positions rope, only learned/);
    await expect(write({ activation: "swiglu" })).rejects.toThrow(/cannot hold activation swiglu/);
  });
});
