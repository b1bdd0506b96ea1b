"""The same architectures in PyTorch, exported by torch.onnx; needs torch and onnxscript, not zoo.

    python benchmarks/torch_exports.py CASE TARGET

The layers and their order are those of Gluon's model zoo, which differ a little from torchvision's:
ResNet-50 strides before its 3 x 3 convolutions, and MobileNet v2 ends in a 1 x 1 convolution.
"""

from __future__ import annotations

import sys

import torch
from inference_cases import CASES, LAYERS, VOCABULARY, WIDTH
from torch import nn


class LanguageModel(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.rnn = nn.LSTM(WIDTH, WIDTH, LAYERS)
        self.decoder = nn.Linear(WIDTH, VOCABULARY)
        self.decoder.weight = self.embedding.weight

    def forward(self, data: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple:
        hidden, (h, c) = self.rnn(self.embedding(data), (h, c))
        return self.decoder(hidden), h, c


class Residual(nn.Module):
    def __init__(self, body: nn.Module, shortcut: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut, self.last = body, shortcut, last

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        return self.last(self.body(data) + self.shortcut(data))


class Appended(nn.Module):
    """A layer of DenseNet: its output is put after its input."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, data: torch.Tensor) -> torch.Tensor:
        return torch.cat([data, self.body(data)], 1)


def convolved(
    channels: int,
    out: int,
    kernel: int,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: nn.Module | None = None,
) -> nn.Sequential:
    """Convolution, batch normalization, activation."""
    conv = nn.Conv2d(channels, out, kernel, stride, kernel // 2, groups=groups, bias=False)
    last = [] if activation is None else [activation]
    return nn.Sequential(conv, nn.BatchNorm2d(out), *last)


def classified(channels: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 1000)]


def lenet() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Conv2d(20, 50, 5), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.Tanh(), nn.Linear(500, 10),
    )  # fmt: skip


def resnet50() -> nn.Module:
    relu = nn.ReLU()
    layers: list[nn.Module] = [convolved(3, 64, 7, 2, activation=relu), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for out, blocks, first in ((256, 3, 1), (512, 4, 2), (1024, 6, 2), (2048, 3, 2)):
        for stride in (first, *[1] * (blocks - 1)):
            body = nn.Sequential(
                convolved(channels, out // 4, 1, stride, activation=relu),
                convolved(out // 4, out // 4, 3, activation=relu),
                convolved(out // 4, out, 1),
            )
            same = channels == out
            shortcut = nn.Identity() if same else convolved(channels, out, 1, stride)
            layers.append(Residual(body, shortcut, relu))
            channels = out
    return nn.Sequential(*layers, *classified(channels))


def mobilenet1() -> nn.Module:
    relu, channels = nn.ReLU(), 32
    layers = [convolved(3, channels, 3, 2, activation=relu)]
    steps = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
    for out, stride in [*steps, *[(512, 1)] * 5, (1024, 2), (1024, 1)]:
        layers.append(convolved(channels, channels, 3, stride, groups=channels, activation=relu))
        layers.append(convolved(channels, out, 1, activation=relu))
        channels = out
    return nn.Sequential(*layers, *classified(channels))


def mobilenet2() -> nn.Module:
    relu6, channels = nn.ReLU6(), 32
    layers: list[nn.Module] = [convolved(3, channels, 3, 2, activation=relu6)]
    groups = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1))
    for factor, out, blocks, first in (*groups, (6, 160, 3, 2), (6, 320, 1, 1)):
        for stride in (first, *[1] * (blocks - 1)):
            wide = channels * factor
            body = nn.Sequential(
                convolved(channels, wide, 1, activation=relu6),
                convolved(wide, wide, 3, stride, groups=wide, activation=relu6),
                convolved(wide, out, 1),
            )
            same = stride == 1 and channels == out
            layers.append(Residual(body, nn.Identity(), nn.Identity()) if same else body)
            channels = out
    layers.append(convolved(channels, 1280, 1, activation=relu6))
    head = [nn.AdaptiveAvgPool2d(1), nn.Conv2d(1280, 1000, 1, bias=False), nn.Flatten()]
    return nn.Sequential(*layers, *head)


def densenet121() -> nn.Module:
    relu, growth, channels = nn.ReLU(), 32, 64
    layers: list[nn.Module] = [convolved(3, channels, 7, 2, activation=relu)]
    layers.append(nn.MaxPool2d(3, 2, 1))
    for blocks in (6, 12, 24, 16):
        if len(layers) > 2:
            conv = nn.Conv2d(channels, channels // 2, 1, bias=False)
            layers += [nn.BatchNorm2d(channels), relu, conv, nn.AvgPool2d(2)]
            channels //= 2
        for _ in range(blocks):
            body = nn.Sequential(
                nn.BatchNorm2d(channels),
                relu,
                convolved(channels, 4 * growth, 1, activation=relu),
                nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False),
            )
            layers.append(Appended(body))
            channels += growth
    return nn.Sequential(*layers, nn.BatchNorm2d(channels), relu, *classified(channels))


NETWORKS = {
    "densenet121": densenet121,
    "lenet": lenet,
    "lstm_lm": LanguageModel,
    "mobilenet1": mobilenet1,
    "mobilenet2": mobilenet2,
    "resnet50": resnet50,
}


def main() -> None:
    case, target = CASES[sys.argv[1]], sys.argv[2]
    torch.manual_seed(0)
    net = NETWORKS[case.network]().eval()
    inputs = tuple(
        torch.randint(0, VOCABULARY, shape)
        if name == "data" and len(shape) == 2
        else torch.randn(shape)
        for name, shape in case.shapes.items()
    )
    torch.onnx.export(
        net, inputs, target, input_names=list(case.shapes), dynamo=True, external_data=False
    )


if __name__ == "__main__":
    main()
