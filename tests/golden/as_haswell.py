"""Run ``python -m tests.golden`` as on a processor with AVX2 and without AVX-512.

``NUMBA_CPU_NAME`` alone is not enough: Numba then still asks for all features of the host, and the
matrix product takes the width of its vectors from the host too. So LLVM's answer is replaced
before anything is imported. The folder of kernels must be one of its own.
"""

import os
import runpy
import sys
from typing import Any

import llvmlite.binding as llvm

HASWELL = frozenset(
    {
        "64bit", "aes", "avx", "avx2", "bmi", "bmi2", "cmov", "crc32", "cx16", "cx8", "f16c", "fma",
        "fsgsbase", "fxsr", "invpcid", "lzcnt", "mmx", "movbe", "pclmul", "popcnt", "rdrnd", "sahf",
        "sse", "sse2", "sse3", "sse4.1", "sse4.2", "ssse3", "xsave", "xsaveopt",
    }
)  # fmt: skip
NEEDED = frozenset({"avx2", "fma", "f16c", "bmi2"})


def features() -> Any:
    """Return the host's features without those that came after Haswell."""
    host = _host_features()
    return type(host)({name: on and name in HASWELL for name, on in host.items()})


def can_run() -> bool:
    """Return whether this machine runs Haswell's code."""
    host = _host_features()
    return all(host.get(name, False) for name in NEEDED)


def environment(cache: str) -> dict[str, str]:
    """Return the environment of a process that compiles for Haswell into a folder."""
    return os.environ | {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": features().flatten(),
        "NUMBA_CACHE_DIR": f"{cache}/numba",
        "DUALGRAPH_CACHE": cache,
        "DUALGRAPH_COMPILE_WORKERS": "0",  # a helper process would see the host
    }


_host_features = llvm.get_host_cpu_features

if __name__ == "__main__":
    if os.environ.get("NUMBA_CPU_NAME") != "haswell":
        sys.exit("set NUMBA_CPU_NAME=haswell and a DUALGRAPH_CACHE of its own")
    llvm.get_host_cpu_name = lambda: "haswell"
    llvm.get_host_cpu_features = features
    runpy.run_module("tests.golden", run_name="__main__", alter_sys=True)
