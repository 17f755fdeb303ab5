"""The environment in which a process compiles for a processor with AVX2 and without AVX-512.

``NUMBA_CPU_NAME`` alone is not enough: Numba then still asks for all features of the host.
"""

import os

import llvmlite.binding as llvm

HASWELL = frozenset(
    {
        "64bit", "aes", "avx", "avx2", "bmi", "bmi2", "cmov", "crc32", "cx16", "cx8", "f16c", "fma",
        "fsgsbase", "fxsr", "invpcid", "lzcnt", "mmx", "movbe", "pclmul", "popcnt", "rdrnd", "sahf",
        "sse", "sse2", "sse3", "sse4.1", "sse4.2", "ssse3", "xsave", "xsaveopt",
    }
)  # fmt: skip
NEEDED = frozenset({"avx2", "fma", "f16c", "bmi2"})


def features() -> str:
    """Return the host's features as Numba reads them, those that came after Haswell off."""
    host = llvm.get_host_cpu_features()
    return type(host)({name: on and name in HASWELL for name, on in host.items()}).flatten()


def can_run() -> bool:
    """Return whether this machine runs Haswell's code."""
    host = llvm.get_host_cpu_features()
    return all(host.get(name, False) for name in NEEDED)


def environment(cache: str) -> dict[str, str]:
    """Return the environment of a process that compiles for Haswell into a folder."""
    return os.environ | {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": features(),
        "NUMBA_CACHE_DIR": f"{cache}/numba",
        "DUALGRAPH_CACHE": cache,
        "DUALGRAPH_COMPILE_WORKERS": "0",  # tests run beside each other already
    }
