"""Whether bf16 is computed in, and not written out in fp32, which takes a hundred times as long."""

from __future__ import annotations

import torch


def of_cpu() -> bool:
    """Whether this machine's CPU has instructions for bf16 that torch uses."""
    there = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return bool(there) and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def there() -> bool:
    """Whether what a training runs on, a GPU where there is one, computes in bf16."""
    return of_gpu() if torch.cuda.is_available() else of_cpu()


def of_gpu() -> bool:
    """Whether this machine's GPU has bf16."""
    return bool(torch.cuda.is_bf16_supported(including_emulation=False))
