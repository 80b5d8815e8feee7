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


class Bottleneck(nn.Module):
    """1 × 1, 3 × 3 with the stride, and 1 × 1 convolutions that give four times the width."""

    def __init__(self, inputs, width, stride):
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            *[convolution(inputs, width, 1), nn.BatchNorm2d(width), nn.ReLU()],
            *[convolution(width, width, stride=stride), nn.BatchNorm2d(width), nn.ReLU()],
            *[convolution(width, outputs, 1), nn.BatchNorm2d(outputs)],
        )
        self.shortcut = (
            nn.Sequential()
            if stride == 1 and inputs == outputs
            else nn.Sequential(convolution(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))
        )

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class ImageNetResNet(nn.Module):
    """Four stages, for small images: a stem of stride 1, and no pooling behind it."""

    def __init__(self, block, expansion, counts, classes=10):
        super().__init__()
        self.stem = nn.Sequential(convolution(3, 64), nn.BatchNorm2d(64), nn.ReLU())
        blocks, inputs = [], 64
        for stage, width in enumerate([64, 128, 256, 512]):
            for index in range(counts[stage]):
                blocks.append(block(inputs, width, 2 if stage > 0 and index == 0 else 1))
                inputs = width * expansion
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        maps = self.blocks(self.stem(x))
        return self.classifier(F.adaptive_avg_pool2d(maps, 1).flatten(1))


class Vgg(nn.Module):
    def __init__(self, counts, classes=10):
        super().__init__()
        layers, inputs = [], 3
        for block, outputs in enumerate([64, 128, 256, 512, 512]):
            for _ in range(counts[block]):
                layers += [convolution(inputs, outputs, bias=True), nn.BatchNorm2d(outputs)]
                layers.append(nn.ReLU())
                inputs = outputs
            if block < 3:
                layers.append(nn.MaxPool2d(2))
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.layers(x), 1).flatten(1))


def grouped(inputs, outputs, size=1, stride=1, groups=1):
    return nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)


def normed(layer, rectified=True):
    norm = nn.BatchNorm2d(layer.out_channels)
    return nn.Sequential(layer, norm, *([nn.ReLU()] if rectified else []))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expansion):
        super().__init__()
        hidden = inputs * expansion
        self.is_residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            normed(grouped(inputs, hidden)),
            normed(grouped(hidden, hidden, 3, stride, hidden)),
            normed(grouped(hidden, outputs), rectified=False),
        )

    def forward(self, x):
        return x + self.body(x) if self.is_residual else self.body(x)


class MobileNetV2(nn.Module):
    """At half of the published width."""

    GROUPS = [
        *[(1, 8, 1, 1), (6, 12, 2, 1), (6, 16, 3, 2), (6, 32, 4, 2), (6, 48, 3, 1)],
        *[(6, 80, 3, 2), (6, 160, 1, 1)],
    ]

    def __init__(self, classes=10):
        super().__init__()
        layers, inputs = [normed(grouped(3, 16, 3, 2))], 16
        for expansion, outputs, count, stride in self.GROUPS:
            for index in range(count):
                step = stride if index == 0 else 1
                layers.append(InvertedResidual(inputs, outputs, step, expansion))
                inputs = outputs
        self.layers = nn.Sequential(*layers, normed(grouped(inputs, 1280)))
        self.classifier = nn.Linear(1280, classes)

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.layers(x), 1).flatten(1))


def shuffle(x, groups):
    batch, channels, height, width = x.shape
    apart = x.view(batch, groups, channels // groups, height, width)
    return apart.transpose(1, 2).reshape(batch, channels, height, width)


class ShuffleUnitV1(nn.Module):
    def __init__(self, inputs, outputs, stride, first, groups):
        super().__init__()
        hidden = outputs // 4
        self.stride, self.groups = stride, first
        self.conv1 = normed(grouped(inputs, hidden, groups=first))
        self.conv2 = normed(grouped(hidden, hidden, 3, stride, hidden))
        self.conv3 = normed(grouped(hidden, outputs, groups=groups), rectified=False)

    def forward(self, x):
        branch = self.conv3(self.conv2(shuffle(self.conv1(x), self.groups)))
        if self.stride == 1:
            return F.relu(branch + x)
        return F.relu(torch.cat([branch, F.avg_pool2d(x, 3, 2, 1)], 1))


class ShuffleNetV1(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        layers, inputs = [normed(grouped(3, 24))], 24
        for stage, (total, count) in enumerate(zip([240, 480, 960], [4, 8, 4])):
            for index in range(count):
                stride, outputs = (2, total - inputs) if index == 0 else (1, total)
                first = 1 if stage == 0 and index == 0 else 3
                layers.append(ShuffleUnitV1(inputs, outputs, stride, first, 3))
                inputs = total
        self.layers = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, classes)

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.layers(x), 1).flatten(1))


def branch_v2(inputs, outputs, stride):
    return nn.Sequential(
        normed(grouped(inputs, outputs)),
        normed(grouped(outputs, outputs, 3, stride, outputs), rectified=False),
        normed(grouped(outputs, outputs)),
    )


class ShuffleUnitV2(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.branch = branch_v2(channels // 2, channels // 2, 1)

    def forward(self, x):
        kept, changed = x.chunk(2, 1)
        return shuffle(torch.cat([kept, self.branch(changed)], 1), 2)


class HalvingUnitV2(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        half = outputs // 2
        self.side = nn.Sequential(
            normed(grouped(inputs, inputs, 3, 2, inputs), rectified=False),
            normed(grouped(inputs, half)),
        )
        self.main = branch_v2(inputs, half, 2)

    def forward(self, x):
        return shuffle(torch.cat([self.side(x), self.main(x)], 1), 2)


class ShuffleNetV2(nn.Module):
    def __init__(self, stages, classes=10):
        super().__init__()
        layers, inputs = [normed(grouped(3, 24))], 24
        for outputs, count in zip(stages, [4, 8, 4]):
            layers.append(HalvingUnitV2(inputs, outputs))
            layers += [ShuffleUnitV2(outputs) for _ in range(count - 1)]
            inputs = outputs
        self.layers = nn.Sequential(*layers, normed(grouped(inputs, 1024)))
        self.classifier = nn.Linear(1024, classes)

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.layers(x), 1).flatten(1))


def resnet(depth):
    return lambda: ResNet(depth, 16, [16, 32, 64])


def resnet_x4(depth):
    return lambda: ResNet(depth, 32, [64, 128, 256])


def wide_resnet(depth, width):
    return lambda: WideResNet(depth, width)


NETWORKS = {
    **{f"resnet{depth}": resnet(depth) for depth in [8, 14, 20, 32, 44, 56, 110]},
    **{f"resnet{depth}x4": resnet_x4(depth) for depth in [8, 32]},
    "resnet18": lambda: ImageNetResNet(BasicBlock, 1, [2, 2, 2, 2]),
    "resnet34": lambda: ImageNetResNet(BasicBlock, 1, [3, 4, 6, 3]),
    "resnet50": lambda: ImageNetResNet(Bottleneck, 4, [3, 4, 6, 3]),
    **{f"wrn_{d}_{w}": wide_resnet(d, w) for d, w in [(16, 1), (16, 2), (40, 1), (40, 2)]},
    **{
        f"vgg{depth}": lambda counts=counts: Vgg(counts)
        for depth, counts in [
            *[(8, [1, 1, 1, 1, 1]), (11, [1, 1, 2, 2, 2]), (13, [2, 2, 2, 2, 2])],
            *[(16, [2, 2, 3, 3, 3]), (19, [2, 2, 4, 4, 4])],
        ]
    },
    "mobilenetv2": MobileNetV2,
    "shufflenetv1": ShuffleNetV1,
    "shufflenetv2": lambda: ShuffleNetV2([116, 232, 464]),
    "shufflenetv2_x1_5": lambda: ShuffleNetV2([176, 352, 704]),
}
