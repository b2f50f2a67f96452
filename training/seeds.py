"""Seeds of a run."""

from __future__ import annotations

from collections.abc import Sequence

from bangfu.labels.user_error import UserError


def check(seeds: Sequence[int]) -> None:
    """UserError for a seed that numpy does not take, and for one that is there twice: it would count twice."""
    for seed in seeds:
        if not 0 <= seed < 2**32:
            raise UserError(f"seed {seed} must lie between 0 and 2^32 - 1")
        if seeds.count(seed) > 1:
            raise UserError(f"seed {seed} is there twice; give each once")
