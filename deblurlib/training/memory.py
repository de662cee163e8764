"""A CPU's memory between two operations of a network: kept, not given back.

The C library gives large blocks back to the system as soon as they are freed. On a large image each
operation then begins with fresh pages, which the system has to find and to clear; for an activation
or a sum that takes longer than its arithmetic.
"""

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

# glibc's malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_USUAL = 2**25  # what the threshold rises to by itself, in bytes
_LARGEST = 2**31 - 1


@contextmanager
def freed_memory_kept(device: torch.device) -> Iterator[None]:
    """Within this context, memory that is freed is used again at once; at its end it is given back.

    Results stay the same, bit by bit. Nothing changes for accelerators, whose memory torch keeps by
    itself, and where the C library is not glibc.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" and device.type == "cpu" else None
    if library is None or not hasattr(library, "mallopt"):
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _LARGEST)
    library.mallopt(_TRIM_THRESHOLD, _LARGEST)
    try:
        yield
    finally:
        library.mallopt(_MMAP_THRESHOLD, _USUAL)
        library.mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
        library.malloc_trim(0)
