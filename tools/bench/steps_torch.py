"""PyTorch's side of steps.mjs: one model in one mode. Answers each line of its standard input, a JSON command, with a line of JSON.

    python steps_torch.py MODEL MODE THREADS        MODE: eager (fused optimizer) | compile (torch.compile, fused optimizer)

Modules are called as the parameters of tools/bench/models are, so that the command "check" can load those and take the same steps.
"""

import json
import os
import struct
import sys
import time

import torch  # noqa: E402
import torch.nn as nn  # noqa: E402
import torch.nn.functional as F  # noqa: E402


class Dense(nn.Sequential):
    """Linear layers with ReLU between them, called layer0, layer1, …"""

    def __init__(self, *sizes):
        super().__init__()
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            self.add_module(f"layer{i}", nn.Linear(a, b))
            if i < len(sizes) - 2:
                self.add_module(f"relu{i}", nn.ReLU())


class Half(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.dense = Dense(*sizes)

    def forward(self, x):
        return self.dense(x)


class Vae(nn.Module):
    """Kingma & Welling (2013), 784-400-20."""

    def __init__(self):
        super().__init__()
        self.encoder = Half(784, 400, 40)
        self.decoder = Half(20, 400, 784)

    def forward(self, x, eps=None):
        mu, log_var = self.encoder(x).chunk(2, 1)
        z = mu + (torch.randn_like(mu) if eps is None else eps) * torch.exp(0.5 * log_var)
        logits = self.decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        kl = -0.5 * (1 + log_var - mu * mu - log_var.exp()).sum()
        return (reconstruction + kl) / x.shape[0]


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.norm2 = nn.LayerNorm(width)
        self.expand = nn.Linear(width, 4 * width, bias=False)
        self.contract = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = (p.view(B, T, self.heads, C // self.heads).transpose(1, 2) for p in self.qkv(self.norm1(x)).split(C, 2))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(B, T, C))
        return x + self.contract(F.gelu(self.expand(self.norm2(x)), approximate="tanh"))


class Transformer(nn.Module):
    def __init__(self, layers, heads, width, length, vocabulary=65):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        for i in range(layers):
            self.add_module(f"block{i}", Block(width, heads))
        self.norm = nn.LayerNorm(width)
        self.blocks = [getattr(self, f"block{i}") for i in range(layers)]
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, x, targets):
        h = self.tokens(x) + self.positions.weight
        for block in self.blocks:
            h = block(h)
        logits = F.linear(self.norm(h), self.tokens.weight)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))


class Gpt(nn.Module):
    def __init__(self, *sizes):
        super().__init__()
        self.transformer = Transformer(*sizes)

    def forward(self, x, targets):
        return self.transformer(x, targets)


class Down(nn.Conv2d):
    """3x3, stride 2, padded by 1. TensorFlow's "same" pads bottom and right only; `same` imitates that for the check, at the price of a copy."""

    same = False

    def __init__(self, a, b):
        super().__init__(a, b, 3, 2, 1)

    def forward(self, x):
        if not Down.same:
            return super().forward(x)
        return F.conv2d(F.pad(x, (0, 1, 0, 1)), self.weight, self.bias, 2)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm1 = nn.GroupNorm(8, c)
        self.conv1 = nn.Conv2d(c, c, 3, padding=1)
        self.time = nn.Linear(128, c)
        self.norm2 = nn.GroupNorm(8, c)
        self.conv2 = nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        return x + self.conv2(F.silu(self.norm2(h)))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.time1, self.time2 = nn.Linear(32, 128), nn.Linear(128, 128)
        self.input = nn.Conv2d(1, 32, 3, padding=1)
        self.res1, self.down1 = Residual(32), Down(32, 64)
        self.res2, self.down2 = Residual(64), Down(64, 128)
        self.res3, self.up2 = Residual(128), nn.Conv2d(128, 64, 3, padding=1)
        self.res4, self.up1 = Residual(64), nn.Conv2d(64, 32, 3, padding=1)
        self.res5, self.norm = Residual(32), nn.GroupNorm(8, 32)
        self.output = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, x, t):
        time = F.silu(self.time2(F.silu(self.time1(t))))
        a = self.res1(self.input(x), time)
        b = self.res2(self.down1(a), time)
        c = self.res3(self.down2(b), time)
        up = lambda h: F.interpolate(h, scale_factor=2.0, mode="nearest")
        d = self.res4(self.up2(up(c)) + b, time)
        e = self.res5(self.up1(up(d)) + a, time)
        return self.output(F.silu(self.norm(e)))


class Denoiser(nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = UNet()

    def forward(self, x, t, eps):
        return F.mse_loss(self.unet(x, t), eps)


class Resnet2D(nn.Module):
    """ResnetBlock2D of diffusers."""

    def __init__(self, a, b, time=128):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, a), nn.Conv2d(a, b, 3, padding=1)
        self.time_emb_proj = nn.Linear(time, b)
        self.norm2, self.conv2 = nn.GroupNorm(8, b), nn.Conv2d(b, b, 3, padding=1)
        if a != b:
            self.conv_shortcut = nn.Conv2d(a, b, 1)

    def forward(self, x, time):
        h = self.conv1(F.silu(self.norm1(x))) + self.time_emb_proj(time)[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.conv_shortcut(x) if hasattr(self, "conv_shortcut") else x) + h


class Attention2D(nn.Module):
    """Self-attention over pixels, heads of 32."""

    def __init__(self, c):
        super().__init__()
        self.heads, self.group_norm = c // 32, nn.GroupNorm(8, c)
        self.to_q, self.to_k, self.to_v = nn.Linear(c, c), nn.Linear(c, c), nn.Linear(c, c)
        self.to_out = nn.ModuleList([nn.Linear(c, c)])

    def forward(self, x):
        B, C, H, W = x.shape
        h = self.group_norm(x).permute(0, 2, 3, 1).reshape(B, H * W, C)
        q, k, v = (f(h).view(B, H * W, self.heads, 32).transpose(1, 2) for f in (self.to_q, self.to_k, self.to_v))
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, H * W, C)
        return x + self.to_out[0](y).view(B, H, W, C).permute(0, 3, 1, 2)


class Level2D(nn.Module):
    def __init__(self, resnets, attention):
        super().__init__()
        self.resnets = nn.ModuleList([Resnet2D(a, b) for a, b in resnets])
        if attention:
            self.attentions = nn.ModuleList([Attention2D(b) for _, b in resnets][: 1 if attention == "mid" else None])


def holder(**modules):
    module = nn.Module()
    for name, child in modules.items():
        module.add_module(name, child)
    return module


class UNet2D(nn.Module):
    """UNet2DModel of diffusers with channels 32-32-64, a residual block a level, attention at the last, 11 classes."""

    def __init__(self):
        super().__init__()
        self.conv_in = nn.Conv2d(1, 32, 3, padding=1)
        self.time_embedding = holder(linear_1=nn.Linear(32, 128), linear_2=nn.Linear(128, 128))
        self.class_embedding = nn.Embedding(11, 128)
        self.down_blocks = nn.ModuleList([Level2D([(32, 32)], False), Level2D([(32, 32)], False), Level2D([(32, 64)], True)])
        self.mid_block = Level2D([(64, 64), (64, 64)], "mid")
        self.up_blocks = nn.ModuleList(
            [Level2D([(128, 64), (96, 64)], True), Level2D([(96, 32), (64, 32)], False), Level2D([(64, 32), (64, 32)], False)]
        )
        for level in self.down_blocks[:2]:
            level.downsamplers = nn.ModuleList([holder(conv=Down(32, 32))])
        for level, c in zip(self.up_blocks, (64, 32)):
            level.upsamplers = nn.ModuleList([holder(conv=nn.Conv2d(c, c, 3, padding=1))])
        self.conv_norm_out, self.conv_out = nn.GroupNorm(8, 32), nn.Conv2d(32, 1, 3, padding=1)
        self.register_buffer("frequencies", 10000.0 ** (-torch.arange(16) / 16), persistent=False)

    def forward(self, x, t, label):
        angles = t[:, None] * self.frequencies
        time = self.time_embedding.linear_1(torch.cat([angles.cos(), angles.sin()], 1))
        time = F.silu(self.time_embedding.linear_2(F.silu(time)) + self.class_embedding(label))
        h = self.conv_in(x)
        skips = [h]
        for level in self.down_blocks:
            for i, resnet in enumerate(level.resnets):
                h = resnet(h, time)
                if hasattr(level, "attentions"):
                    h = level.attentions[i](h)
                skips.append(h)
            if hasattr(level, "downsamplers"):
                h = level.downsamplers[0].conv(h)
                skips.append(h)
        first, second = self.mid_block.resnets
        h = second(self.mid_block.attentions[0](first(h, time)), time)
        for level in self.up_blocks:
            for i, resnet in enumerate(level.resnets):
                h = resnet(torch.cat([h, skips.pop()], 1), time)
                if hasattr(level, "attentions"):
                    h = level.attentions[i](h)
            if hasattr(level, "upsamplers"):
                h = level.upsamplers[0].conv(F.interpolate(h, scale_factor=2.0, mode="nearest"))
        return self.conv_out(F.silu(self.conv_norm_out(h)))


class Denoiser2D(nn.Module):
    def __init__(self):
        super().__init__()
        self.unet = UNet2D()

    def forward(self, x, t, label, eps):
        return F.mse_loss(self.unet(x, t, label), eps)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.dense, self.norm1 = nn.Linear(64, 7 * 7 * 128), nn.BatchNorm1d(7 * 7 * 128)
        self.up1, self.norm2 = nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64)
        self.up2 = nn.ConvTranspose2d(64, 1, 4, 2, 1)

    def forward(self, z):
        h = F.relu(self.norm1(self.dense(z))).view(-1, 7, 7, 128).permute(0, 3, 1, 2)  # channels last: no copy
        return torch.tanh(self.up2(F.relu(self.norm2(self.up1(h)))))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.down1, self.down2 = nn.Conv2d(1, 64, 4, 2, 1), nn.Conv2d(64, 128, 4, 2, 1)
        self.norm, self.dense = nn.BatchNorm2d(128), nn.Linear(7 * 7 * 128, 1)

    def forward(self, x):
        h = F.leaky_relu(self.norm(self.down2(F.leaky_relu(self.down1(x), 0.2))), 0.2)
        return self.dense(h.permute(0, 2, 3, 1).flatten(1))


class Gan(nn.Module):
    def __init__(self):
        super().__init__()
        self.generator, self.discriminator = Generator(), Discriminator()


class Coupling(nn.Module):
    """Dinh et al. (2016), §3.2, on 2-D points."""

    def __init__(self):
        super().__init__()
        self.flow = nn.Module()
        for i in range(8):
            self.flow.add_module(f"coupling{i}", Dense(1, 128, 128, 2))
        self.nets = list(self.flow.children())

    def forward(self, x):
        u, v = x.chunk(2, 1)
        log_det = 0
        for i, net in enumerate(self.nets):
            fixed, moved = (u, v) if i % 2 == 0 else (v, u)
            s, shift = net(fixed).chunk(2, 1)
            s = torch.tanh(s)
            moved = moved * torch.exp(s) + shift
            log_det = log_det + s.sum(1)
            u, v = (fixed, moved) if i % 2 == 0 else (moved, fixed)
        return (0.5 * torch.cat([u, v], 1).square().sum(1) - log_det).mean()


def adam(parameters, **options):
    return torch.optim.Adam(parameters, fused=True, **options)


class Step:
    """A training step: `call(batch, noise)` gives the loss of each objective; `noise` stands in for what the losses draw."""

    def __init__(self, call, *optimizers):
        self.call, self.optimizers = call, optimizers

    def forget(self):
        """As if no step had been taken; the parameters stay."""
        for optimizer in self.optimizers:
            optimizer.state.clear()


def single(model, objective, optimizer, compiled):
    """A step of a model whose forward is its loss."""
    loss_of = torch.compile(model) if compiled else model

    def step(batch, noise):
        optimizer.zero_grad()
        loss = loss_of(*batch, **noise)
        loss.backward()
        optimizer.step()
        return {objective: loss}

    return Step(step, optimizer)


def adversarial(gan, compiled):
    """Both updates. The generator's leaves out the gradients of the discriminator's weights, which it does not need."""
    options = {"lr": 2e-4, "betas": (0.5, 0.999)}
    generator, discriminator = gan.generator, gan.discriminator
    train_g, train_d = adam(generator.parameters(), **options), adam(discriminator.parameters(), **options)
    d_loss = lambda x, z: F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(generator(z).detach())).mean()
    g_loss = lambda z: F.softplus(-discriminator(generator(z))).mean()
    if compiled:
        d_loss, g_loss = torch.compile(d_loss), torch.compile(g_loss)
    trained = list(generator.parameters())

    def step(batch, noise):
        (x,) = batch
        train_d.zero_grad()
        first = d_loss(x, noise.get("zDiscriminator", torch.randn(64, 64)))
        first.backward()
        train_d.step()
        train_g.zero_grad()
        second = g_loss(noise.get("zGenerator", torch.randn(64, 64)))
        second.backward(inputs=trained)
        train_g.step()
        return {"discriminator": first, "generator": second}

    return Step(step, train_g, train_d)


def gpt(*sizes):
    """Kernels and embeddings decay, scales and offsets do not."""

    def build(compiled):
        model = Gpt(*sizes)
        parameters = list(model.parameters())
        groups = [
            {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.01},
            {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
        ]
        batch = [torch.randint(0, 65, (sizes_batch(sizes), sizes[3])) for _ in range(2)]
        return model, single(model, "nll", torch.optim.AdamW(groups, 1e-3, fused=True), compiled), batch

    return build


def sizes_batch(sizes):
    return 12 if sizes[3] == 64 else 8


def plain(create, objective, make_batch):
    def build(compiled):
        model = create()
        return model, single(model, objective, adam(model.parameters(), lr=1e-3), compiled), make_batch()

    return build


def images():
    return torch.randn(64, 1, 28, 28).to(memory_format=torch.channels_last)


def unet(compiled):
    model = Denoiser().to(memory_format=torch.channels_last)
    optimizer = adam(model.parameters(), lr=1e-3)
    return model, single(model, "denoise", optimizer, compiled), [images(), torch.randn(64, 32), images()]


def unet2d(compiled):
    model = Denoiser2D().to(memory_format=torch.channels_last)
    batch = [images(), 1000 * torch.rand(64), torch.randint(0, 11, (64,)), images()]
    return model, single(model, "denoise", adam(model.parameters(), lr=1e-3), compiled), batch


def dcgan(compiled):
    model = Gan().to(memory_format=torch.channels_last)
    return model, adversarial(model, compiled), [images()]


# name: builds (model, step, batch); the batch's fields in the order of the loss's arguments
MODELS = {
    "vae": plain(Vae, "elbo", lambda: [torch.rand(128, 784).round()]),
    "gpt-small": gpt(4, 4, 128, 64),
    "gpt-large": gpt(6, 6, 384, 256),
    "unet": unet,
    "unet2d": unet2d,
    "dcgan": dcgan,
    "couplings": plain(Coupling, "nll", lambda: [torch.randn(256, 2)]),
}
FIELDS = {"gpt-small": ["x", "targets"], "gpt-large": ["x", "targets"], "unet": ["x", "t", "eps"], "unet2d": ["x", "t", "label", "eps"]}


def read_safetensors(path):
    with open(path, "rb") as f:
        raw = f.read()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    kinds = {"F32": torch.float32, "I32": torch.int32}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(bytearray(raw[begin:end]), dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
    return tensors


LEAVES = {"kernel": "weight", "scale": "weight", "embedding": "weight", "offset": "bias", "bias": "bias"}


def to_torch(tensor):
    """Images to NCHW."""
    return tensor.permute(0, 3, 1, 2) if tensor.dim() == 4 else tensor.long() if tensor.dtype == torch.int32 else tensor


def load_parameters(model, tensors):
    own = dict(model.named_parameters())
    with torch.no_grad():
        for path, tensor in tensors.items():
            stem, leaf = path.rsplit(".", 1)
            if leaf == "kernel":  # (in, out) and (kH, kW, in, out); transposed convolutions alike with in and out exchanged
                tensor = tensor.T if tensor.dim() == 2 else tensor.permute(3, 2, 0, 1)
            own.pop(f"{stem}.{LEAVES[leaf]}").copy_(tensor)
    if own:
        raise SystemExit(f"not among the parameters to load: {', '.join(own)}")


def check(name, model, step, file, steps):
    """Losses of the first `steps` steps from the parameters, on the batch and with the noise of the file."""
    tensors = read_safetensors(file)
    part = lambda prefix: {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
    load_parameters(model, part("params."))
    step.forget()
    batch = [to_torch(part("batch.")[field]) for field in FIELDS.get(name, ["x"])]
    Down.same = True
    losses = []
    for i in range(steps):
        by_name = step.call(batch, part(f"noise{i}."))
        losses.append({objective: loss.item() for objective, loss in by_name.items()})
    Down.same = False
    return {"losses": losses}


def run(step, batch, seconds):
    n, begin = 0, time.perf_counter()
    while n == 0 or time.perf_counter() - begin < seconds:
        step.call(batch, {})
        n += 1
    return {"steps": n, "seconds": time.perf_counter() - begin, "rss": resident()}


def resident():
    """Resident memory of this process, bytes."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(name, mode, threads):
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)  # as our engines do
    torch.manual_seed(0)
    model, step, batch = MODELS[name](mode == "compile")
    say = lambda value: print(json.dumps(value), flush=True)
    begin = time.perf_counter()
    step.call(batch, {})
    first = time.perf_counter() - begin
    parameters = sum(p.numel() for p in model.parameters())
    say({"torch": torch.__version__, "parameters": parameters, "firstStepSeconds": first})
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "run":
            say(run(step, batch, command["seconds"]))
        else:
            say(check(name, model, step, command["file"], command["steps"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
