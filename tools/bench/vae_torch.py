"""The PyTorch side of vae-bound.mjs: the same 784-400-20 model, batch 128, Adam 1e-3.

python vae_torch.py EPOCHS SEED DATA   trains on dynamically binarised MNIST (IDX files in DATA), prints the test bound in nats
"""

import json
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_num_threads(2)


class VAE(nn.Module):
    """Kingma & Welling (2013), one hidden layer of 400 ReLU units on either side, 20 latents."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(784, 400)
        self.mu = nn.Linear(400, 20)
        self.log_var = nn.Linear(400, 20)
        self.decode1 = nn.Linear(20, 400)
        self.decode2 = nn.Linear(400, 784)

    def bound(self, x):
        """Evidence lower bound of every example, nats, shape (B,)."""
        h = F.relu(self.hidden(x))
        mu, log_var = self.mu(h), self.log_var(h)
        z = mu + torch.randn_like(mu) * torch.exp(0.5 * log_var)
        logits = self.decode2(F.relu(self.decode1(z)))
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
        kl = -0.5 * (1 + log_var - mu * mu - log_var.exp()).sum(1)
        return -(reconstruction + kl)


def read_images(path):
    with open(path, "rb") as f:
        raw = f.read()
    return torch.frombuffer(bytearray(raw[16:]), dtype=torch.uint8).reshape(-1, 784).float() / 255


def bound(epochs, seed, data):
    torch.manual_seed(seed)
    train, test = (read_images(f"{data}/{name}-images-idx3-ubyte") for name in ("train", "t10k"))
    model = VAE()
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    started = time.perf_counter()
    for _ in range(epochs):
        order = torch.randperm(len(train))
        for i in range(len(train) // 128):
            x = torch.bernoulli(train[order[i * 128 : (i + 1) * 128]])
            optimizer.zero_grad()
            loss = -model.bound(x).mean()
            loss.backward()
            optimizer.step()
    seconds = time.perf_counter() - started
    with torch.no_grad():
        values = model.bound(torch.bernoulli(test))
    print(json.dumps({"bound": values.mean().item(), "stderr": (values.std() / len(values) ** 0.5).item(), "seconds": seconds}))


bound(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
