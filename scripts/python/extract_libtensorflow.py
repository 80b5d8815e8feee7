"""Takes from a TensorFlow wheel what the tfjs binding and our operations need: two libraries, C headers, licences.

usage: extract_libtensorflow.py WHEEL FOLDER
"""

import os
import re
import shutil
import sys
import zipfile

LIBRARY = re.compile(r"^tensorflow/(libtensorflow_cc\.so\.2|libtensorflow_framework\.so\.2)$")
HEADER = re.compile(
    r"^tensorflow/include/((?:tensorflow/c/|tensorflow/core/platform/|tensorflow/tsl/platform/|tsl/"
    r"|tensorflow/core/common_runtime/next_pluggable_device/c/|xla/tsl/(?:c|platform)/"
    r"|external/local_(?:tsl|xla)/).*\.h)$"
)
LICENCE = re.compile(r"^tensorflow[^/]*\.dist-info/(?:licenses/)?LICENSE$|^tensorflow/THIRD_PARTY_NOTICES")


def target_of(name):
    """Where a member of the wheel goes in the folder, or None when it is not needed."""
    if LIBRARY.match(name):
        return os.path.join("lib", os.path.basename(name))
    header = HEADER.match(name)
    if header:
        return os.path.join("include", header.group(1))
    return os.path.basename(name) if LICENCE.match(name) else None


def main(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            target = target_of(name)
            if target is None:
                continue
            path = os.path.join(folder, target)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with archive.open(name) as source, open(path, "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 22)


if __name__ == "__main__":
    main(*sys.argv[1:])
