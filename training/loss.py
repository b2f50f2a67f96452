"""The loss of a token classifier whose targets are sets of tags."""

from __future__ import annotations

import torch


def marginal_loss(logits: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Mean negative log marginal likelihood of the tags that each token may have.

    ``logits`` is [..., tags], ``tags`` [...] the bit sets of :mod:`alignment`. With one possible tag
    this is cross-entropy; with several, the probability of all of them together is raised and how it is
    shared among them is left to the model; a token that may have any tag counts for nothing. Bit sets of
    0 (padding) are passed over. For partly labelled data, as in Tsuboi et al., COLING 2008.
    """
    number = logits.shape[-1]
    chosen = taught(tags, number)
    logits, tags = logits.float()[chosen], tags[chosen]
    allowed = (tags[:, None] >> torch.arange(number, device=tags.device)) & 1 == 1
    possible = torch.logsumexp(logits.masked_fill(~allowed, -torch.inf), dim=-1)
    losses = torch.logsumexp(logits, dim=-1) - possible
    return losses.sum() / max(1, len(losses))


def taught(tags: torch.Tensor, number: int) -> torch.Tensor:
    """Where bit sets of ``number`` tags say something: neither padding nor any tag at all."""
    return (tags != 0) & (tags != (1 << number) - 1)
