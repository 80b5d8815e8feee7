"""Stands in for the CUDA libraries that PyPI's torch is linked against, so that it imports without.

Every library torch names and the machine lacks becomes a small one that defines the symbols torch
asks of it. Each function says that there is no device, so torch finds no GPU and computes on the CPU, with the
same CPU kernels. This saves 3 GB of wheels that a machine without a GPU has no use for.

usage: stub_cuda.py, run by the Python that has torch
"""

import importlib.util
import re
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

# Libraries of the CUDA wheels, and the names of the functions they export.
FAMILIES = {
    r"libcuda\.so": r"cu(?!File)[A-Z]",
    r"libcudart\.so": r"(__)?cuda",
    r"libcublas\.so": r"cublas(?!Lt)",
    r"libcublasLt\.so": r"cublasLt",
    r"libcudnn\.so": r"cudnn",
    r"libcufft\.so": r"cufft",
    r"libcufile\.so": r"cuFile",
    r"libcupti\.so": r"cupti",
    r"libcurand\.so": r"curand",
    r"libcusolver\.so": r"cusolver",
    r"libcusparse\.so": r"cusparse(?!Lt)",
    r"libcusparseLt\.so": r"cusparseLt",
    r"libnccl\.so": r"p?nccl",
    r"libnvJitLink\.so": r"(__)?nvJitLink",
    r"libnvrtc\.so": r"nvrtc",
    r"libnvshmem_host\.so": r"nvshmem",
    r"libnvToolsExt\.so": r"nvtx",
}
# Functions whose result is printed must return text.
TEXT = re.compile(r"ErrorString|ErrorName|VersionString|GetLastErrorMessage")
NO_DEVICE = 100  # of the driver and of the runtime alike


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def read_libraries(paths):
    """Names of the libraries needed, symbols defined, and undefined symbols with their versions."""
    needed, defined, undefined = set(), set(), defaultdict(set)
    for path in paths:
        needed |= set(re.findall(r"\(NEEDED\).*\[(.*?)\]", output_of("readelf", "-d", path)))
        for fields in map(str.split, output_of("nm", "-D", path).splitlines()):
            name, _, version = fields[-1].partition("@")
            if len(fields) == 2 and fields[0] == "U":
                undefined[name].add(version.lstrip("@"))
            elif len(fields) == 3:
                defined.add(name)
    return needed, {name: undefined[name] for name in undefined.keys() - defined}


def family_of(library):
    return next((names for pattern, names in FAMILIES.items() if re.match(pattern, library)), None)


def source_of(names):
    functions = (
        f'const char *{name}(void) {{ return "no CUDA"; }}'
        if TEXT.search(name)
        else f"int {name}(void) {{ return {NO_DEVICE}; }}"
        for name in names
    )
    return 'extern "C" {\n' + "\n".join(functions) + "\n}\n"


def version_script_of(symbols):
    """The versions under which torch asks for the symbols, in the linker's language."""
    by_version = defaultdict(list)
    for name, versions in symbols.items():
        for version in filter(None, versions):
            by_version[version].append(name)
    return "".join(
        f"{version} {{ global: {'; '.join(sorted(names))}; }};\n"
        for version, names in sorted(by_version.items())
    )


def build(target, symbols):
    with tempfile.TemporaryDirectory() as folder:
        source, script = Path(folder, "stub.cc"), Path(folder, "versions")
        source.write_text(source_of(sorted(symbols)))
        script.write_text(version_script_of(symbols))
        versions = [f"-Wl,--version-script={script}"] if script.read_text() else []
        command = ["g++", "-w", "-fno-builtin", "-shared", "-fPIC", "-o", str(target), str(source)]
        subprocess.run([*command, f"-Wl,-soname,{target.name}", *versions], check=True)


def main():
    torch = Path(importlib.util.find_spec("torch").submodule_search_locations[0])
    files = [*torch.glob("lib/*.so*"), *torch.glob("_C*.so")]
    libraries = [path for path in files if family_of(path.name) is None]
    needed, undefined = read_libraries(libraries)
    for library in sorted(needed):
        names = family_of(library)
        if names is None:
            continue
        # Where torch's own libraries are: their RUNPATH ends there.
        build(torch / "lib" / library, {n: v for n, v in undefined.items() if re.match(names, n)})


if __name__ == "__main__":
    main()
