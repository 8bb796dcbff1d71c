"""Small folders that diffusers itself wrote, with what its networks answer: the fixtures of packages/diffusion/test/diffusers.test.ts.

    python -m pip install torch diffusers
    python tools/diffusers-fixtures.py packages/diffusion/test/fixtures

Every folder has random weights and `expected.safetensors`: inputs `x` (B, C, H, W), `t` (B,), `label` (B,) and the answer `y`; for `plain` also the end
`sample` of five deterministic DDIM steps (trailing) that begin with the noise `x`, and the time-steps taken.
"""

import json
import sys
from pathlib import Path

import torch
from diffusers import DDIMScheduler, DDPMPipeline, DDPMScheduler, DPMSolverMultistepScheduler, UNet2DModel
from safetensors.torch import load_file, save_file

SMALL = {"sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": (4, 8), "norm_num_groups": 2}

# One folder for each way in which networks that exist differ.
FOLDERS = {
    # as the class has it when nothing is said
    "plain": (
        {
            "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "attention_head_dim": 4,
            "num_class_embeds": 3,
        },
        DDPMScheduler(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", timestep_spacing="trailing"),
    ),
    # as google/ddpm-cifar10-32 has it, but for sizes; its tensors get their old names below
    "legacy": (
        {
            "down_block_types": ("AttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "AttnUpBlock2D"),
            "layers_per_block": 2,
            "attention_head_dim": None,
            "downsample_padding": 0,
            "flip_sin_to_cos": False,
            "freq_shift": 1,
            "norm_eps": 1e-6,
        },
        DDPMScheduler(),
    ),
    "unusual": (
        {
            "sample_size": (8, 4),
            "down_block_types": ("AttnDownBlock2D", "ResnetDownsampleBlock2D"),
            "up_block_types": ("ResnetUpsampleBlock2D", "AttnUpBlock2D"),
            "block_out_channels": (6, 8),
            "layers_per_block": 1,
            "attention_head_dim": 4,
            "downsample_type": "resnet",
            "upsample_type": "resnet",
            "resnet_time_scale_shift": "scale_shift",
            "mid_block_scale_factor": 1.4142135623730951,
            "act_fn": "gelu",
            "time_embedding_type": "fourier",
            "time_embedding_dim": 10,
            "center_input_sample": True,
        },
        DPMSolverMultistepScheduler(beta_schedule="scaled_linear", use_karras_sigmas=True),
    ),
    "learned": (
        {
            "down_block_types": ("DownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "UpBlock2D"),
            "layers_per_block": 1,
            "act_fn": "mish",
            "time_embedding_type": "learned",
            "num_train_timesteps": 50,
            "add_attention": False,
            "class_embed_type": "timestep",
            "num_class_embeds": 3,
            "dropout": 0.1,
        },
        DDIMScheduler(num_train_timesteps=50, prediction_type="sample", rescale_betas_zero_snr=True),
    ),
}

OLD_NAMES = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def stir(model: UNet2DModel) -> UNet2DModel:
    """Norms that do something, and biases that are not zero."""
    for parameter in model.parameters():
        if parameter.dim() == 1 and parameter.requires_grad:
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    return model.eval()


def rename(folder: Path) -> None:
    """Names that tensors of attention had until diffusers 0.16."""
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = {}
    for name, tensor in load_file(path).items():
        for new, old in OLD_NAMES.items():
            name = name.replace(f".{new}.", f".{old}.")
        tensors[name] = tensor
    save_file(tensors, path, metadata={"format": "pt"})


def expected(name: str, unet: UNet2DModel, scheduler) -> dict[str, torch.Tensor]:
    size = unet.config.sample_size
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    x = torch.randn(3, unet.config.in_channels, height, width)
    fourier = unet.config.time_embedding_type == "fourier"
    t = torch.tensor([0.3, 2.0, 40.0]) if fourier else torch.tensor([0.0, 7.0, 31.0])
    learned = unet.config.time_embedding_type == "learned"
    labelled = unet.class_embedding is not None
    label = torch.tensor([2, 0, 1]) if labelled else None
    y = unet(x, t.long() if learned else t, class_labels=label).sample
    values = {"x": x, "t": t, "y": y}
    if labelled:
        values["label"] = label.int()
    if name == "plain":
        ddim = DDIMScheduler.from_config(scheduler.config)
        ddim.set_timesteps(5)
        sample = x
        for step in ddim.timesteps:
            sample = ddim.step(unet(sample, step, class_labels=label).sample, step, sample, use_clipped_model_output=True).prev_sample
        values |= {"sample": sample, "steps": ddim.timesteps.int()}
    return {key: value.contiguous() for key, value in values.items()}


def main(target: Path) -> None:
    with torch.no_grad():
        for seed, (name, (options, scheduler)) in enumerate(FOLDERS.items()):
            torch.manual_seed(seed)
            unet = stir(UNet2DModel(**{**SMALL, **options}))
            folder = target / name
            DDPMPipeline(unet, scheduler).save_pretrained(folder)
            if name == "legacy":
                rename(folder)
            if name == "plain":  # something that no version knows must survive a round trip
                config = folder / "scheduler" / "scheduler_config.json"
                config.write_text(json.dumps({**json.loads(config.read_text()), "future_option": [1, "two"]}, indent=2) + "\n")
            save_file(expected(name, unet, scheduler), folder / "expected.safetensors", metadata={"format": "pt"})


main(Path(sys.argv[1]))
