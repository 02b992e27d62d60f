import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import sys

import torch

from smt.allocator import keep_freed_memory

if sys.argv[1] == "kept":
    assert keep_freed_memory()


def step():
    blocks = [torch.ones(2**20) for _ in range(16)]


step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 10 * 16 * 2**22 // 4096


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the C library is not glibc")
def test_blocks_of_megabytes_are_mapped_once():
    kept = subprocess.run(
        [sys.executable, "-c", FAULTS, "kept"], capture_output=True, text=True, check=True
    )
    assert int(kept.stdout) < PAGES / 10
