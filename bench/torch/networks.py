"""The networks of RepDistiller (github.com/HobbitLong/RepDistiller) for CIFAR, as PyTorch has them.

The same layers as in `learning/models/`: the benchmark compares the numbers of their parameters.
"""

import torch
from torch import nn
from torch.nn import functional as F


def convolution(inputs, outputs, size=3, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, size, stride, padding=size // 2, bias=bias)


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut: a projection wherever the shape changes."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = convolution(inputs, outputs, stride=stride)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = convolution(outputs, outputs)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Sequential()
            if stride == 1 and inputs == outputs
            else nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        inner = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(inner)) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, depth, stem, stages, classes=10):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, stem), nn.BatchNorm2d(stem), nn.ReLU())
        blocks, inputs = [], stem
        for stage, outputs in enumerate(stages):
            for index in range((depth - 2) // 6):
                blocks.append(BasicBlock(inputs, outputs, 2 if stage > 0 and index == 0 else 1))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        maps = self.blocks(self.stem(x))
        return self.classifier(F.adaptive_avg_pool2d(maps, 1).flatten(1))


class PreActivationBlock(nn.Module):
    """Norm and ReLU in front of each convolution; a bare projection where the channels change."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(inputs)
        self.conv1 = convolution(inputs, outputs, stride=stride)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.conv2 = convolution(outputs, outputs)
        self.shortcut = None if inputs == outputs else convolution(inputs, outputs, 1, stride)

    def forward(self, x):
        active = F.relu(self.norm1(x))
        inner = self.conv2(F.relu(self.norm2(self.conv1(active))))
        return inner + (x if self.shortcut is None else self.shortcut(active))


class WideResNet(nn.Module):
    def __init__(self, depth, width, classes=10):
        super().__init__()
        self.stem = convolution(3, 16)
        blocks, inputs = [], 16
        for stage, outputs in enumerate([16 * width, 32 * width, 64 * width]):
            for index in range((depth - 4) // 6):
                stride = 2 if stage > 0 and index == 0 else 1
                blocks.append(PreActivationBlock(inputs, outputs, stride))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.BatchNorm2d(inputs)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        maps = F.relu(self.norm(self.blocks(self.stem(x))))
        return self.classifier(F.adaptive_avg_pool2d(maps, 1).flatten(1))


def resnet(depth):
    return lambda: ResNet(depth, 16, [16, 32, 64])


def resnet_x4(depth):
    return lambda: ResNet(depth, 32, [64, 128, 256])


def wide_resnet(depth, width):
    return lambda: WideResNet(depth, width)


NETWORKS = {
    **{f"resnet{depth}": resnet(depth) for depth in [8, 14, 20, 32, 44, 56, 110]},
    **{f"resnet{depth}x4": resnet_x4(depth) for depth in [8, 32]},
    **{f"wrn_{d}_{w}": wide_resnet(d, w) for d, w in [(16, 1), (16, 2), (40, 1), (40, 2)]},
}
