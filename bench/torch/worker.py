"""Trains one subject of the benchmark with eager PyTorch, on demand.

A line on stdin asks for so many steps, or for so many matrix products; a line of JSON answers with
their times. The first line out says what is trained.

usage: worker.py --model NAME [--width N] [--teacher NAME] --layout nchw|channels_last --batch N --threads N

The model `sgemm` is a product of two matrices: what the machine can do at best.
"""

import argparse
import json
import os
import sys
import time

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
from torch.nn import functional as F

from explainer import Explainer
from networks import NETWORKS

TEMPERATURE = 4
MATRIX = 2048


def say(message):
    print(json.dumps(message), flush=True)


def build(model, width):
    if model == "hme_ltb":
        return Explainer(**({} if width is None else {"width": width}))
    return NETWORKS[model]()


def has_twin(model):
    return model == "hme_ltb" or model in NETWORKS


def optimizer_of(name, parameters):
    if name.startswith("hme"):
        return torch.optim.Adam(parameters, lr=0.01, weight_decay=5e-4)
    return torch.optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4)


def distillation(student, teacher):
    log_p = F.log_softmax(student / TEMPERATURE, 1)
    q = F.softmax(teacher / TEMPERATURE, 1)
    return F.kl_div(log_p, q, reduction="batchmean") * TEMPERATURE**2


def create_step(name, teacher, student, layout, batch):
    """One training step, its loss read back as a training loop does to log it."""
    images = torch.randn(batch, 3, 32, 32).to(memory_format=layout)
    labels = torch.randint(10, (batch,))
    optimizer = optimizer_of(name, student.parameters())

    def step():
        logits = student(images)
        loss = F.cross_entropy(logits, labels)
        if teacher is not None:
            with torch.no_grad():
                wanted = teacher(images)
            loss = 0.1 * loss + 0.9 * distillation(logits, wanted)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def create_product():
    a, b = torch.randn(MATRIX, MATRIX), torch.randn(MATRIX, MATRIX)
    return lambda: (a @ b)[0, 0].item()


def timed(step):
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) * 1e3


def serve(step, parameters):
    say({"parameters": parameters, "version": torch.__version__})
    for line in sys.stdin:
        say({"milliseconds": [timed(step) for _ in range(int(line))]})


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--width", type=int)
    parser.add_argument("--teacher")
    parser.add_argument("--layout", required=True, choices=["nchw", "channels_last"])
    parser.add_argument("--batch", required=True, type=int)
    parser.add_argument("--threads", required=True, type=int)
    return parser.parse_args()


def main():
    options = arguments()
    model, teacher = options.model, options.teacher
    torch.manual_seed(1029)
    torch.set_num_threads(options.threads)
    if model == "sgemm":
        return serve(create_product(), 0)
    for each in filter(None, [model, teacher]):
        if not has_twin(each):
            return say({"missing": each})
    layout = torch.channels_last if options.layout == "channels_last" else torch.contiguous_format
    student = build(model, options.width).to(memory_format=layout).train()
    taught = None if teacher is None else build(teacher, None).to(memory_format=layout).eval()
    step = create_step(model, taught, student, layout, options.batch)
    return serve(step, sum(parameter.numel() for parameter in student.parameters()))


if __name__ == "__main__":
    main()
