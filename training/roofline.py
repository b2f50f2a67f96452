"""The roofline: how fast a model could be if it did nothing but multiply, and our share of that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bangfu.training.flops import Work
from bangfu.training.spread import spread


def figures(
    parts: Sequence[Mapping[str, Any]], rates: Sequence[Mapping[str, Any]], precision: str, attention: str = "fp32"
) -> dict[str, Any]:
    """Figures of one precision from what the adapters ``parts`` and ``matmul`` gave in each round.

    ``flops_a_character`` is ``useful`` (each token once) and ``run`` (overlap of windows and special tokens,
    too). A roof is a rate of products divided by the useful FLOPs; our share of
    it is taken round by round, by what was ``run`` and by what was ``useful``. ``mixed`` is the share where attention
    has the roof of the precision in which it is computed; on a CPU without bf16, which has no rate of it, of fp32.
    """
    has_bf16 = all("bf16" in rate for rate in rates)
    attention = attention if has_bf16 else "fp32"
    kinds = (precision, "bf16") if has_bf16 else (precision,)
    flops = {name: Work(**work) for name, work in parts[0]["flops"].items()}
    characters = parts[0]["characters"]
    shares = {
        f"{kind}, {shape}": {
            name: spread(
                [
                    flops[name].total / part["model_seconds"] / rate[kind][shape]
                    for part, rate in zip(parts, rates, strict=True)
                ]
            )
            for name in ("run", "useful")
        }
        for kind in kinds
        for shape in ("model", "square")
    }
    mixed = [
        (flops["run"].linear / rate[precision]["model"] + flops["run"].attention / rate[attention]["model"])
        / part["model_seconds"]
        for part, rate in zip(parts, rates, strict=True)
    ]
    medians = {
        f"{kind}, {shape}": median(rate[kind][shape] for rate in rates)
        for kind in dict.fromkeys((*kinds, "fp32"))
        for shape in ("model", "square")
    }
    return {
        "flops_a_character": {name: work.total / characters for name, work in flops.items()},
        "attention": attention,
        "attention_share": flops["run"].attention / max(1, flops["run"].total),
        "flops_per_second": spread([flops["run"].total / part["model_seconds"] for part in parts]),
        "characters_per_second": spread([characters / part["model_seconds"] for part in parts]),
        "rates": medians,
        "roof": {name: rate * characters / max(1, flops["useful"].total) for name, rate in medians.items()},
        "shares": shares,
        "mixed": spread(mixed),
    }
