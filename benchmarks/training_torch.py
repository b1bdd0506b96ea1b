"""The same trainings in PyTorch, written the usual way; needs torch and NumPy, not zoo.

    python benchmarks/training_torch.py usual|vectorised|example DATA.npz SECONDS THREADS

`usual` distorts an image at a time in the workers of a DataLoader, with torch's own grid_sample;
`vectorised` gives the workers our NumPy distortion of whole batches; `example` is the recipe of
PyTorch's word language model example, 2 x 200 tied, full softmax. Prints one line of JSON.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

WARM_UP = 20  # steps
BATCH, CYCLE = 128, 18720  # images; steps of forty epochs
MEAN, STD = 0.1307, 0.3081
ROTATION, SHEAR, SCALE, SHIFT, ELASTIC, SIGMA = 14.0, 14.0, 0.17, 2.1, 34.0, 4.0
WORD_BATCH, WINDOW = 20, 35


def draw(largest: float) -> float:
    """Evenly from minus to plus the largest."""
    return float(torch.empty(()).uniform_(-largest, largest))


def kernel() -> torch.Tensor:
    """A Gaussian of unit sum."""
    steps = torch.arange(-12, 13, dtype=torch.float32)
    weights = torch.exp(-(steps**2) / (2 * SIGMA**2))
    return weights / weights.sum()


def distorted(image: torch.Tensor, gaussian: torch.Tensor) -> torch.Tensor:
    """An image (1, 28, 28), by a random affine map and a smooth random field."""
    angle, lean = math.radians(draw(ROTATION)), math.tan(math.radians(draw(SHEAR)))
    down, right = 1 + draw(SCALE), 1 + draw(SCALE)
    sine, cosine = math.sin(angle), math.cos(angle)
    across = [cosine * right, (cosine * lean - sine) * right, draw(SHIFT) / 14]
    along = [sine * down, (sine * lean + cosine) * down, draw(SHIFT) / 14]
    grid = functional.affine_grid(torch.tensor([[across, along]]), [1, 1, 28, 28], False)
    noise = torch.empty(2, 1, 28, 28).uniform_(-ELASTIC, ELASTIC)
    smooth = functional.conv2d(noise, gaussian.view(1, 1, -1, 1), padding=(12, 0))
    smooth = functional.conv2d(smooth, gaussian.view(1, 1, 1, -1), padding=(0, 12))
    grid = grid + smooth.permute(1, 2, 3, 0) / 14
    return functional.grid_sample(image[None], grid, align_corners=False)[0]


class Usual(Dataset):
    """An image at a time."""

    def __init__(self, inputs: np.ndarray, targets: np.ndarray):
        self.inputs, self.targets, self.gaussian = inputs, targets, kernel()

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        image = torch.from_numpy(self.inputs[index].reshape(1, 28, 28)).float() / 255
        image = (distorted(image, self.gaussian) - MEAN) / STD
        return image, int(self.targets[index])


class Vectorised(Usual):
    """A batch at a time, by the function that ours uses."""

    def __getitem__(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:  # type: ignore[override]
        from distortion import Distortion, distort

        how = Distortion(ROTATION, SHEAR, SCALE, SHIFT, ELASTIC, SIGMA)
        random = np.random.default_rng(int(torch.empty((), dtype=torch.int64).random_()))
        moved = distort(self.inputs[indices].reshape(-1, 28, 28), how, random)
        moved = (moved / np.float32(255) - np.float32(MEAN)) / np.float32(STD)
        return torch.from_numpy(moved[:, None]), torch.from_numpy(self.targets[indices])


def lenet() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.Tanh(), nn.Linear(500, 10)),
    )


def report(steps: int, per_step: int, elapsed: float, waited: float) -> None:
    rate = (steps - WARM_UP) * per_step / elapsed
    print(json.dumps({"rate": rate, "waiting": waited / elapsed}))


def train_lenet(kind: str, path: str, seconds: float) -> None:
    with np.load(path) as data:
        inputs, targets = data["inputs"], data["targets"].astype(np.int64)
    usual = {"num_workers": 2, "persistent_workers": True}
    if kind == "usual":
        loader: Any = DataLoader(
            Usual(inputs, targets), BATCH, shuffle=True, drop_last=True, **usual
        )
    else:
        dataset = Vectorised(inputs, targets)
        order = BatchSampler(RandomSampler(dataset), BATCH, drop_last=True)
        loader = DataLoader(dataset, sampler=order, batch_size=None, **usual)
    net = lenet()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, 0.9, weight_decay=1e-4, nesterov=True)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, CYCLE, cycle_momentum=False)
    mean = torch.optim.swa_utils.AveragedModel(
        net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.999)
    )
    loss_of = nn.CrossEntropyLoss()
    made = endless(loader)
    steps, waited, start = 0, 0.0, 0.0
    while True:
        if steps == WARM_UP:
            waited, start = 0.0, time.perf_counter()
        before = time.perf_counter()
        if steps > WARM_UP and before - start > seconds:
            break
        images, labels = next(made)
        waited += time.perf_counter() - before
        optimizer.zero_grad()
        loss_of(net(images), labels).backward()
        optimizer.step()
        cycle.step()
        mean.update_parameters(net)
        steps += 1
    report(steps, BATCH, before - start, waited)


def endless(loader: Any) -> Iterator[Any]:
    while True:
        yield from loader


class WordModel(nn.Module):
    """The network of PyTorch's example, its decoder tied to its embedding."""

    def __init__(self, words: int):
        super().__init__()
        self.drop = nn.Dropout(0.2)
        self.encoder = nn.Embedding(words, 200)
        self.rnn = nn.LSTM(200, 200, 2, dropout=0.2)
        self.decoder = nn.Linear(200, words)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, data: torch.Tensor, states: Any) -> tuple[torch.Tensor, Any]:
        output, states = self.rnn(self.drop(self.encoder(data)), states)
        scores = self.decoder(self.drop(output)).view(-1, self.decoder.out_features)
        return functional.log_softmax(scores, dim=1), states


def columns(stream: np.ndarray, batch_size: int) -> torch.Tensor:
    """The stream as (time, batch_size): each column reads one stretch of the text."""
    length = len(stream) // batch_size
    text = torch.from_numpy(stream[: length * batch_size].astype(np.int64))
    return text.view(batch_size, length).t().contiguous()


def learn(
    net: WordModel, data: torch.Tensor, targets: torch.Tensor, states: Any, rate: float
) -> Any:
    """One step of the example; returns the next states."""
    net.zero_grad()
    output, states = net(data, states)
    functional.nll_loss(output, targets).backward()
    nn.utils.clip_grad_norm_(net.parameters(), 0.25)
    with torch.no_grad():
        for one in net.parameters():
            one.add_(one.grad, alpha=-rate)
    return tuple(one.detach() for one in states)


def train_words(path: str, seconds: float) -> None:
    with np.load(path) as data:
        text, words = columns(data["train"], WORD_BATCH), int(data["words"])
    net, states = WordModel(words), None
    steps, waited, start = 0, 0.0, time.perf_counter()
    while True:
        at = steps * WINDOW % (len(text) - WINDOW - 1)
        if steps == WARM_UP:
            waited, start = 0.0, time.perf_counter()
        before = time.perf_counter()
        if steps > WARM_UP and before - start > seconds:
            break
        data, targets = text[at : at + WINDOW], text[at + 1 : at + 1 + WINDOW].reshape(-1)
        waited += time.perf_counter() - before
        states = learn(net, data, targets, states, 20)
        steps += 1
    report(steps, WORD_BATCH * WINDOW, before - start, waited)


def main() -> None:
    kind, path, seconds, threads = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
    torch.set_num_threads(threads)
    if kind == "example":
        train_words(path, seconds)
    else:
        train_lenet(kind, path, seconds)


if __name__ == "__main__":
    main()
