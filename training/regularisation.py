"""Regularised losses of a token classifier."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import log_softmax

from bangfu.training.loss import Loss, marginal_loss, taught
from bangfu.training.regularisation_config import RegularisationConfig


def regularised(
    model: Any,
    inputs: dict[str, torch.Tensor],
    tags: torch.Tensor,
    config: RegularisationConfig,
    base: Loss = marginal_loss,
) -> Any:
    """The model's outputs, and ``base`` with what ``config`` adds to it; ``tags`` [rows, tokens] are bit sets."""
    if config.adversarial and torch.is_grad_enabled():
        return _adversarial(model, inputs, tags, config, base)
    outputs = model(**inputs)
    loss = smoothed_loss(outputs.logits, tags, config.smoothing, base)
    if config.r_drop and model.training:
        again = model(**inputs).logits
        second = smoothed_loss(again, tags, config.smoothing, base)
        loss = (loss + second) / 2 + config.r_drop * divergence(outputs.logits, again, tags)
    return outputs, loss


def smoothed_loss(
    logits: torch.Tensor, tags: torch.Tensor, smoothing: float, base: Loss = marginal_loss
) -> torch.Tensor:
    """The loss, of which a share goes to all tags alike."""
    loss = base(logits, tags)
    if not smoothing:
        return loss
    spread = -log_softmax(logits.float()[taught(tags, logits.shape[-1])], dim=-1).mean()
    return (1 - smoothing) * loss + smoothing * torch.nan_to_num(spread)


def divergence(first: torch.Tensor, second: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
    """Mean of both Kullback-Leibler divergences between logits [rows, tokens, tags], of tokens that are no padding."""
    read = tags != 0
    one, other = (log_softmax(logits.float()[read], dim=-1) for logits in (first, second))
    return ((one.exp() - other.exp()) * (one - other)).sum(-1).mean() / 2


def _adversarial(
    model: Any, inputs: dict[str, torch.Tensor], tags: torch.Tensor, config: RegularisationConfig, base: Loss
) -> Any:
    plain = getattr(model, "module", model)  # DistributedDataParallel hides the embeddings
    ids, others = inputs["input_ids"], {name: value for name, value in inputs.items() if name != "input_ids"}
    embedded = plain.get_input_embeddings()(ids)
    outputs = model(inputs_embeds=embedded, **others)
    loss = smoothed_loss(outputs.logits, tags, config.smoothing, base)
    (slope,) = torch.autograd.grad(loss, embedded, retain_graph=True)
    length = slope.float().norm(dim=(1, 2), keepdim=True).clamp_min(1e-12)
    moved = embedded + (config.adversarial * slope / length).to(embedded.dtype).detach()
    worse = smoothed_loss(model(inputs_embeds=moved, **others).logits, tags, config.smoothing, base)
    return outputs, (loss + worse) / 2
