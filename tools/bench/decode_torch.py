"""The PyTorch side of decode.mjs: a GPT-2 with random weights that keeps keys and values of what it has read.

    python decode_torch.py SIZES MODE THREADS        SIZES: JSON {layers, heads, width, block, symbols, bias}; MODE: eager | compile

Answers each line of its standard input, {"do": "run", "streams": N, "prompt": P, "tokens": T}, with a line of JSON: seconds to read a prompt of P tokens and
draw T more of each of N streams. Every drawn token is read, as the next step would.
"""

import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, heads, width, bias):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = (nn.LayerNorm(width, bias=bias) for _ in range(2))
        self.qkv = nn.Linear(width, 3 * width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)
        self.expand = nn.Linear(width, 4 * width, bias=bias)
        self.contract = nn.Linear(4 * width, width, bias=bias)

    def attend(self, x, see):
        """`see` takes queries, keys and values `(B, H, T, D)` and gives what the queries find."""
        B, T, C = x.shape
        q, k, v = (p.view(B, T, self.heads, C // self.heads).transpose(1, 2) for p in self.qkv(x).split(C, 2))
        return self.output(see(q, k, v).transpose(1, 2).reshape(B, T, C))

    def forward(self, x, see):
        x = x + self.attend(self.norm1(x), see)
        return x + self.contract(F.gelu(self.expand(self.norm2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, layers, heads, width, block, symbols, bias):
        super().__init__()
        self.heads, self.width = heads, width
        self.tokens, self.positions = nn.Embedding(symbols, width), nn.Embedding(block, width)
        self.blocks = nn.ModuleList(Block(heads, width, bias) for _ in range(layers))
        self.norm = nn.LayerNorm(width, bias=bias)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def cache(self, streams, slots):
        shape = (2, streams, self.heads, slots, self.width // self.heads)
        return [torch.zeros(shape) for _ in self.blocks]

    def logits(self, h):
        return F.linear(self.norm(h[:, -1]), self.tokens.weight)

    def prefill(self, tokens, cache):
        """Logits behind a prompt `(B, P)`; fills the cache."""
        length = tokens.shape[1]
        h = self.tokens(tokens) + self.positions.weight[:length]
        for block, held in zip(self.blocks, cache):

            def see(q, k, v, held=held):
                held[0, :, :, :length], held[1, :, :, :length] = k, v
                return F.scaled_dot_product_attention(q, k, v, is_causal=True)

            h = block(h, see)
        return self.logits(h)

    def step(self, token, place, mask, cache):
        """Logits behind one more token `(B,)` at a place, an int64 tensor `(1,)`; the mask hides places behind it."""
        h = (self.tokens(token) + self.positions(place))[:, None]
        for block, held in zip(self.blocks, cache):

            def see(q, k, v, held=held):
                held[0].index_copy_(2, place, k)
                held[1].index_copy_(2, place, v)
                return F.scaled_dot_product_attention(q, held[0], held[1], attn_mask=mask[None])

            h = block(h, see)
        return self.logits(h)

    def step_eager(self, token, at, cache):
        """The same with a number for the place: attention looks at what is written and needs no mask."""
        h = (self.tokens(token) + self.positions.weight[at])[:, None]
        for block, held in zip(self.blocks, cache):

            def see(q, k, v, held=held):
                held[0, :, :, at : at + 1], held[1, :, :, at : at + 1] = k, v
                return F.scaled_dot_product_attention(q, held[0, :, :, : at + 1], held[1, :, :, : at + 1])

            h = block(h, see)
        return self.logits(h)


def draw(logits):
    return torch.multinomial(F.softmax(logits, -1), 1)[:, 0]


@torch.inference_mode()
def generate(model, step, streams, prompt, tokens, compiled):
    """Seconds of reading a prompt of token 1 and drawing `tokens` more."""
    began = time.perf_counter()
    slots = prompt + tokens
    cache = model.cache(streams, slots)
    logits = model.prefill(torch.ones((streams, prompt), dtype=torch.long), cache)
    places = torch.arange(slots)
    for at in range(prompt, slots):
        token = draw(logits)
        logits = step(token, places[at : at + 1], places <= at, cache) if compiled else step(token, at, cache)
    return time.perf_counter() - began


def main(sizes, mode, threads):
    torch.set_num_threads(int(threads))
    torch.manual_seed(0)
    model = Gpt2(**json.loads(sizes))
    compiled = mode == "compile"
    step = torch.compile(model.step, dynamic=False) if compiled else model.step_eager
    say = lambda value: print(json.dumps(value), flush=True)
    say({"torch": torch.__version__, "parameters": sum(p.numel() for p in model.parameters())})
    for line in sys.stdin:
        command = json.loads(line)
        seconds = generate(model, step, command["streams"], command["prompt"], command["tokens"], compiled)
        say({"seconds": seconds})


main(*sys.argv[1:])
