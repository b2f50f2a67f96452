"""Losses of a token classifier whose targets are sets of tags."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch

from bangfu.inference.decoding import legal_transitions
from bangfu.labels.schema import tags_of

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
# The score of a tag that is ruled out; minus infinity would have gradients that are no numbers.
_RULED_OUT = -1e4


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


def sequence_loss(logits: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Negative log likelihood of the allowed ones among all legal sequences of tags, by token taught.

    That of a conditional random field (Lafferty et al., ICML 2001; with sets of tags Tsuboi et al., COLING 2008) whose
    transitions are legal or not and not learnt, so that :func:`bangfu.inference.decoding.best_path` finds its likeliest
    sequence as it is. ``logits`` is [rows, tokens, tags], ``tags`` [rows, tokens] the bit sets of :mod:`alignment`,
    each row's padding (0) behind its tokens.
    """
    number, real = logits.shape[-1], tags != 0
    allowed = (tags[..., None] >> torch.arange(number, device=tags.device)) & 1 == 1
    ruled_out = logits.float().masked_fill(~allowed, _RULED_OUT)
    # every legal sequence, and the allowed ones of them
    every, some = log_sums(torch.cat([logits.float(), ruled_out]), torch.cat([real, real])).chunk(2)
    loss: torch.Tensor = (every - some).sum() / max(1, int(taught(tags, number).sum()))
    return loss


def log_sums(logits: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """[rows]: the logarithm of the sum of exp(score) over all legal sequences of the ``real`` tokens, which come first.

    ``logits`` is [rows, tokens, tags], ``real`` [rows, tokens] false at padding.
    """
    sums = logits[:, 0]
    legal = _legal(logits.shape[-1], logits.device)
    for place in range(1, logits.shape[1]):
        most = sums.amax(-1, keepdim=True)
        ways = ((sums - most).exp() @ legal).clamp_min(1e-30).log() + most
        sums = torch.where(real[:, place, None], ways + logits[:, place], sums)
    return torch.logsumexp(sums, dim=-1)


def marginals(logits: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """[rows, tokens, tags]: how likely each tag is among all legal sequences; 0 at padding. Arguments as above."""
    with torch.enable_grad():
        # the derivative of the logarithm of the sum by a score is the share of the sequences that it is part of
        scores = logits.float().detach().requires_grad_()
        (shares,) = torch.autograd.grad(log_sums(scores, real).sum(), scores)
    return shares


@cache
def _legal(number: int, device: torch.device) -> torch.Tensor:
    """[tags, tags]: 1 where a tag may follow another; whatever the labels are called, their tags stand in one order."""
    labels = tuple(map(str, range(number // 2)))
    return torch.from_numpy(legal_transitions(tags_of(labels))[:-1]).float().to(device)


LOSSES: dict[str, Loss] = {"tokens": marginal_loss, "sequences": sequence_loss}


def taught(tags: torch.Tensor, number: int) -> torch.Tensor:
    """Where bit sets of ``number`` tags say something: neither padding nor any tag at all."""
    return (tags != 0) & (tags != (1 << number) - 1)
