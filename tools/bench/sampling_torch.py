"""PyTorch's side of sampling.mjs: the same U-Net, the same sampler. Answers each line of its standard input, a JSON command, with a line of JSON.

    python sampling_torch.py MODE THREADS BATCH STEPS        MODE: eager | compile (torch.compile of everything that a step evaluates)

Images are channels last. Karras et al., 2022, table 1 and eq. 5; DPM-Solver++(2M) of Lu et al., 2022, algorithm 2, in their sigmas.
"""

import json
import math
import sys
import time

import torch
from steps_torch import Down, UNet2D, load_parameters, read_safetensors, to_torch

SIGMA_MIN, SIGMA_MAX, RHO = 0.002, 80.0, 7
TIME_SCALE = 250.0


class Denoiser(torch.nn.Module):
    """D(x, sigma): what the data might be, inside their range."""

    def __init__(self, sigma_data=0.6):
        super().__init__()
        self.unet, self.sigma_data = UNet2D(), sigma_data

    def forward(self, x, sigma, label):
        variance = sigma**2 + self.sigma_data**2
        time = (TIME_SCALE * sigma.log()).expand(x.shape[0])
        y = self.unet(x / variance.sqrt(), time, label)
        return (self.sigma_data**2 / variance * x + sigma * self.sigma_data / variance.sqrt() * y).clamp(-1, 1)


def karras_sigmas(steps):
    low, high = SIGMA_MIN ** (1 / RHO), SIGMA_MAX ** (1 / RHO)
    return [(high + i / (steps - 1) * (low - high)) ** RHO for i in range(steps)] + [0.0]


@torch.inference_mode()
def sample(denoise, noise, label, steps):
    """Values in [0, 1]."""
    sigmas = karras_sigmas(steps)
    x, before = noise * sigmas[0], None
    for i, (now, after) in enumerate(zip(sigmas, sigmas[1:])):
        d = denoise(x, torch.tensor(now), label)
        mixed = d
        if before is not None and after > 0:
            r = math.log(sigmas[i - 1] / now) / math.log(now / after)
            mixed = (1 + 1 / (2 * r)) * d - 1 / (2 * r) * before
        x, before = after / now * x + (1 - after / now) * mixed, d
    return (x / 2 + 0.5).clamp(0, 1)


def check(model, denoise, file, steps):
    """The largest difference from the samples in the file, made of the parameters and the noise in it."""
    tensors = read_safetensors(file)
    prefix = "params.network."
    named = {f"unet.{k[len(prefix):]}": v for k, v in tensors.items() if k.startswith(prefix)}
    load_parameters(model, named)
    model.sigma_data = tensors["state.sigmaData"].item()
    Down.same = True
    x = sample(denoise, to_torch(tensors["noise"]), to_torch(tensors["label"]), steps)
    Down.same = False
    return {"difference": (x - to_torch(tensors["samples"])).abs().max().item()}


def main(mode, threads, batch, steps):
    torch.set_num_threads(int(threads))
    torch.set_flush_denormal(True)  # as our engines do
    torch.manual_seed(0)
    model = Denoiser().eval().to(memory_format=torch.channels_last)
    denoise = torch.compile(model) if mode == "compile" else model
    draw = lambda: torch.randn(int(batch), 1, 28, 28).to(memory_format=torch.channels_last)
    label = torch.arange(int(batch)) % 10
    sample(denoise, draw(), label, 3)
    say = lambda value: print(json.dumps(value), flush=True)
    say({"torch": torch.__version__})
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "check":
            say(check(model, model, command["file"], int(steps)))
            continue
        begin = time.perf_counter()
        for _ in range(command["calls"]):
            sample(denoise, draw(), label, int(steps))
        say({"images": command["calls"] * int(batch), "seconds": time.perf_counter() - begin})


main(*sys.argv[1:])
