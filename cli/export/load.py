"""The network of this folder in plain PyTorch.

    from load import load
    network = load()                     # an nn.Module in evaluation mode: images to logits
    network.description["normalisation"] # what its pixels have to be normalised with

Images are float32 [batch, 3, size, size]. `python load.py` computes the logits of two images and
compares them with those of the network as it was trained; it ends with 0 where they agree to 1e-4
(of the largest logit, where that is more than 1).
Nothing but PyTorch is needed.
"""

import json
import pathlib
import struct
import sys

import torch
from torch import nn
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).resolve().parent
TOLERANCE = 1e-4


def read_tensors(path):
    """Tensors of a safetensors file by name."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    values = bytearray(data[8 + length :])
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        count = (end - start) // 4
        flat = torch.frombuffer(values, dtype=torch.float32, count=count, offset=start)
        tensors[name] = flat.clone().view(entry["shape"])
    return tensors


def by_channel(vector, x):
    """One number a channel: the second axis of maps, the last one of anything else."""
    return vector.view(-1, 1, 1) if x.dim() == 4 else vector


def channels(x):
    return 1 if x.dim() == 4 else x.dim() - 1


def scale(op, x, factor=None, offset=None):
    x = x if factor is None else x * by_channel(factor, x)
    return x if offset is None else x + by_channel(offset, x)


def shuffle(op, x):
    batch, width, *size = x.shape
    apart = x.view(batch, op["groups"], width // op["groups"], *size)
    return apart.transpose(1, 2).reshape(x.shape)


def linear(op, x, kernel, bias=None):
    if kernel.dim() == 2:
        return F.linear(x, kernel, bias)
    return torch.matmul(x, kernel) if bias is None else torch.baddbmm(bias, x, kernel)


def pool(op):
    window = op["window"]
    return window["size"], window["stride"], window["padding"]


# Each reads its operation, its inputs and its constants (by name).
OPERATIONS = {
    "convolution": lambda op, x, kernel, bias=None: F.conv2d(
        x, kernel, bias, op["stride"], op["padding"], groups=op["groups"]
    ),
    "scale": scale,
    "relu": lambda op, x: F.relu(x),
    "add": lambda op, x, y: x + y,
    "subtract": lambda op, x, y: x - y,
    "concat": lambda op, *xs: torch.cat(xs, channels(xs[0])),
    "slice": lambda op, x: x.narrow(channels(x), op["from"], op["count"]),
    "shuffle": shuffle,
    "maxPool": lambda op, x: F.max_pool2d(x, *pool(op)),
    "averagePool": lambda op, x: F.avg_pool2d(x, *pool(op), count_include_pad=True),
    "mean": lambda op, x: x.mean((2, 3)),
    "linear": linear,
    "flatten": lambda op, x: x.flatten(1),
    "reshape": lambda op, x: x.reshape(op["shape"]),
    "stack": lambda op, *xs: torch.stack(xs),
    "largest": lambda op, x: x.amax(-1),
    "transpose": lambda op, x: x.t(),
}


class Network(nn.Module):
    """Runs the operations of `network.json`; its parameters have the names of the file."""

    def __init__(self, description):
        super().__init__()
        self.description = description
        for operation in description["operations"]:
            for constant in operation.get("constants", {}).values():
                self._add(constant["name"], constant["shape"])

    def _add(self, name, shape):
        *path, leaf = name.split(".")
        module = self
        for part in path:
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part]
        module.register_parameter(leaf, nn.Parameter(torch.zeros(shape)))

    def forward(self, images):
        values = {}
        for operation in self.description["operations"]:
            kind, name = operation["kind"], operation["name"]
            if kind == "images":
                values[name] = images
                continue
            inputs = [values[source] for source in operation["inputs"]]
            constants = {
                role: self.get_parameter(constant["name"])
                for role, constant in operation.get("constants", {}).items()
            }
            values[name] = OPERATIONS[kind](operation, *inputs, **constants)
        return values[self.description["operations"][-1]["name"]]


def load(folder=FOLDER):
    """The network of a folder, in evaluation mode."""
    folder = pathlib.Path(folder)
    network = Network(json.loads((folder / "network.json").read_text()))
    network.load_state_dict(read_tensors(folder / "model.safetensors"), strict=True)
    return network.eval()


def check(folder=FOLDER):
    """Largest difference between logits here and those of the network as it was trained.

    As a share of the largest logit where that is more than 1.
    """
    known = json.loads((pathlib.Path(folder) / "check.json").read_text())
    images = torch.tensor(known["images"], dtype=torch.float32).view(known["shape"])
    wanted = torch.tensor(known["logits"])
    with torch.no_grad():
        logits = load(folder)(images)
    return ((logits - wanted).abs().max() / wanted.abs().max().clamp(min=1)).item()


if __name__ == "__main__":
    difference = check()
    print(f"largest difference of a logit: {difference:.2e} (allowed: {TOLERANCE})")
    sys.exit(0 if difference <= TOLERANCE else 1)
