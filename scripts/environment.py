"""The settings that decide a training run's bits, pinned before MXNet is loaded, and recorded."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys


def _threads() -> str:
    text = os.environ.get("ZOO_THREADS") or "2"
    if not (text.isascii() and text.isdecimal() and int(text)):
        sys.exit(f"ZOO_THREADS has to be a whole number from 1 on, not {text!r}.")
    return str(int(text))


# MXNet by itself takes half of the cores; sums depend on the count
THREADS = _threads()

# of processors with AVX2 only some have these, with which NumPy's tangent is another one
AVX512 = "AVX512F AVX512CD AVX512_KNL AVX512_KNM AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
WITHOUT = "NPY_DISABLE_CPU_FEATURES"

PINNED = {
    "OMP_NUM_THREADS": THREADS,
    "DNNL_MAX_CPU_ISA": "AVX2",  # the same kernels on every x86-64 processor of the last decade
    "OPENBLAS_CORETYPE": "Haswell",
    WITHOUT: os.environ.get("ZOO_NUMPY_WITHOUT", AVX512),
}

# for many small steps: at once and in this thread, as the engine's own threads and OpenMP's are in
# each other's way; nothing of it changes a bit
AT_ONCE = {"MXNET_ENGINE_TYPE": "NaiveEngine", "MXNET_CPU_PARALLEL_SIZE": "1000000000"}

PACKAGES = ("mxnet", "numpy", "onnx", "onnxruntime", "safetensors")


def pin() -> None:
    """Start this program again with the pinned settings, unless it already has them.

    A role of a distributed job needs MXNet's own engine.
    """
    preferred = AT_ONCE if "DMLC_ROLE" not in os.environ else {}
    wanted = preferred | dict(os.environ) | PINNED
    if wanted != dict(os.environ):
        sys.stdout.flush()
        os.execve(sys.executable, [sys.executable, *sys.argv], wanted)


def versions() -> dict[str, str]:
    """The versions of Python and of the packages that a number can depend on."""
    found = {package: importlib.metadata.version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **found}


def settings() -> dict[str, str]:
    """What decides the bits of a training beside recipe and seed."""
    numerical = {name: value for name, value in versions().items() if name in ("mxnet", "numpy")}
    return numerical | {key: os.environ.get(key, "") for key in PINNED}


def machine() -> dict[str, object]:
    """What a training does not depend on, but may explain it."""
    return {"system": f"{platform.system()} {platform.machine()}", "cores": os.cpu_count()}


def processor() -> str:
    """The model's name and the vector instructions it has, from Linux's own table."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as table:
            lines = (line.partition(":") for line in table)
            facts = {name.strip(): value.strip() for name, _, value in lines}
    except OSError:
        return platform.processor() or platform.machine()
    flags = set(facts.get("flags", "").split())
    vectors = [one for one in ("sse4_2", "avx2", "fma", "avx512f", "avx512_vnni") if one in flags]
    return f"{facts.get('model name', platform.machine())} ({', '.join(vectors)})"
