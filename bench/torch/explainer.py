"""KDExplainer's tree of experts as PyTorch has it, with soft gates at inverse temperature 1.

The gates and the heads are one matrix product each, as in `learning/models/explainer/`; the public
code of the paper loops over them, which is slower.
"""

import torch
from torch import nn
from torch.nn import functional as F

EXPERTS = [2, 4, 8]
HIDDEN = 128
POOLED = 7
DROPOUT = 0.15


def expert(inputs, hidden, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, hidden, 3, padding=1),
        nn.BatchNorm2d(hidden),
        nn.ReLU(),
        nn.Conv2d(hidden, outputs, 3, padding=1),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
    )


def mix(gate, maps):
    """Mixtures of the experts' maps, in the memory layout that the maps have."""
    is_last = maps[0].is_contiguous(memory_format=torch.channels_last)
    rows = [x.permute(0, 2, 3, 1) for x in maps] if is_last else maps
    stacked = torch.stack(rows)
    mixed = (gate @ stacked.view(len(maps), -1)).view(-1, *stacked.shape[1:])
    return [x.permute(0, 3, 1, 2) if is_last else x for x in mixed]


class Heads(nn.Module):
    """One perceptron for each class, all computed at once: [classes, B, inputs] → [B, classes]."""

    def __init__(self, classes, inputs):
        super().__init__()
        sizes = [(inputs, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1)]
        kernels = [torch.randn(classes, i, o) * 0.01 for i, o in sizes]
        self.kernels = nn.ParameterList(nn.Parameter(kernel) for kernel in kernels)
        biases = [torch.zeros(classes, 1, o) for _, o in sizes]
        self.biases = nn.ParameterList(nn.Parameter(bias) for bias in biases)

    def forward(self, x):
        *hidden, last = zip(self.kernels, self.biases)
        for kernel, bias in hidden:
            x = F.dropout(F.relu(torch.baddbmm(bias, x, kernel)), DROPOUT, self.training)
        kernel, bias = last
        return torch.baddbmm(bias, x, kernel).squeeze(2).T


class Explainer(nn.Module):
    def __init__(self, width=64, classes=10):
        super().__init__()
        self.levels = nn.ModuleList(
            nn.ModuleList(
                expert(3 if level == 0 else width, width, width // 2 if level == 2 else width)
                for _ in range(count)
            )
            for level, count in enumerate(EXPERTS)
        )
        consumers = [*EXPERTS[1:], classes]
        gates = [torch.rand(after, before) for before, after in zip(EXPERTS, consumers)]
        self.gates = nn.ParameterList(nn.Parameter(beta) for beta in gates)
        self.heads = Heads(classes, width // 2 * POOLED**2)

    def forward(self, x):
        gates = [torch.softmax(beta, 1) for beta in self.gates]
        inputs = [x] * EXPERTS[0]
        for level, gate in zip(self.levels[:-1], gates):
            inputs = mix(gate, [run(z) for run, z in zip(level, inputs)])
        maps = [run(z) for run, z in zip(self.levels[-1], inputs)]
        flat = torch.stack([F.adaptive_avg_pool2d(h, POOLED).flatten(1) for h in maps])
        read = (gates[-1] @ flat.view(len(maps), -1)).view(-1, *flat.shape[1:])
        return self.heads(read)
