"""The PyTorch side of nanogpt.mjs: nanoGPT's model and training loop with its settings for a CPU, on the characters of a text.

    python nanogpt_torch.py TEXT MODE THREADS        MODE: eager | compile (torch.compile); both with a fused optimizer

Answers each line of its standard input, {"do": "train", "seed": S, "steps": N, "std": D}, with a line of JSON: mean loss over the whole validation split in blocks, nats a
character; seconds of all updates but the first, which compiles, and of all.
"""

import json
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

LAYERS, HEADS, WIDTH, BLOCK, BATCH = 4, 4, 128, 64, 12
PEAK, FINAL, WARMUP = 1e-3, 1e-4, 100


class Block(nn.Module):
    """Norms first, no biases. Radford et al. (2019), §2.3."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(WIDTH, bias=False) for _ in range(2))
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH, bias=False)
        self.output = nn.Linear(WIDTH, WIDTH, bias=False)
        self.expand = nn.Linear(WIDTH, 4 * WIDTH, bias=False)
        self.contract = nn.Linear(4 * WIDTH, WIDTH, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (p.view(B, T, HEADS, C // HEADS).transpose(1, 2) for p in self.qkv(self.norm1(x)).split(C, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(B, T, C))
        return x + self.contract(F.gelu(self.expand(self.norm2(x))))


class Gpt(nn.Module):
    def __init__(self, symbols, std):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(symbols, WIDTH), nn.Embedding(BLOCK, WIDTH)
        self.blocks = nn.ModuleList(Block() for _ in range(LAYERS))
        self.norm = nn.LayerNorm(WIDTH, bias=False)
        for name, p in self.named_parameters():
            if p.dim() == 2:
                residual = name.endswith(("output.weight", "contract.weight"))
                kernel = name.startswith("blocks")
                nn.init.normal_(p, std=std / math.sqrt(2 * LAYERS) if residual else std if kernel else 0.02)

    def forward(self, x, targets):
        h = self.tokens(x) + self.positions.weight
        for block in self.blocks:
            h = block(h)
        logits = F.linear(self.norm(h), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


def rate(t, steps):
    if t < WARMUP:
        return PEAK * (t + 1) / (WARMUP + 1)
    return FINAL + 0.5 * (1 + math.cos(math.pi * (t - WARMUP) / (steps - WARMUP))) * (PEAK - FINAL)


def train(ids, symbols, compiled, seed, steps, std):
    torch.manual_seed(seed)
    cut = round(0.9 * len(ids))
    training, validation = ids[:cut], ids[cut:]
    model = Gpt(symbols, std)
    loss_of = torch.compile(model) if compiled else model
    matrices, vectors = ([p for p in model.parameters() if (p.dim() >= 2) == rank] for rank in (True, False))
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, PEAK, betas=(0.9, 0.99), fused=True)

    def update(t):
        starts = torch.randint(len(training) - BLOCK, (BATCH,))
        x = torch.stack([training[i : i + BLOCK] for i in starts])
        targets = torch.stack([training[i + 1 : i + 1 + BLOCK] for i in starts])
        for group in optimizer.param_groups:
            group["lr"] = rate(t, steps)
        loss = loss_of(x, targets)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    began = time.perf_counter()
    update(0)
    first, cpu = time.perf_counter(), time.process_time()
    for t in range(1, steps):
        update(t)
    ended, cpu = time.perf_counter(), time.process_time() - cpu
    return {
        "loss": evaluate(model, validation),
        "seconds": ended - first,
        "withCompiling": ended - began,
        "cpuSeconds": cpu,
        "parameters": sum(p.numel() for p in model.parameters()),
    }


@torch.no_grad()
def evaluate(model, ids):
    """Every character after the first of the split once, in blocks; the rest behind the last whole block is left out."""
    blocks = (len(ids) - 1) // BLOCK
    x, targets = ids[: blocks * BLOCK].view(-1, BLOCK), ids[1 : blocks * BLOCK + 1].view(-1, BLOCK)
    return sum(model(a, b).item() * len(a) for a, b in zip(x.split(100), targets.split(100))) / blocks


def main(path, mode, threads):
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    symbols = {symbol: i for i, symbol in enumerate(sorted(set(text)))}
    ids = torch.tensor([symbols[symbol] for symbol in text])
    say = lambda value: print(json.dumps(value), flush=True)
    say({"torch": torch.__version__, "characters": len(ids), "symbols": len(symbols)})
    for line in sys.stdin:
        command = json.loads(line)
        say(train(ids, len(symbols), mode == "compile", command["seed"], command["steps"], command["std"]))


main(*sys.argv[1:])
