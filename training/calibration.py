"""Fitting of a calibration on labelled documents that the model was not trained on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bangfu.inference.calibration import Calibration, log_odds
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import ModelSettings
from bangfu.labels.document import Document
from bangfu.labels.user_error import UserError
from bangfu.training import evaluation, reliability
from bangfu.training.evaluation import Comparison

_ROUNDS = 100


def measure(extractor: Extractor, documents: Sequence[Document]) -> list[Comparison]:
    """All that the extractor finds, with its plain confidences, beside the documents' spans."""
    settings = dataclasses.replace(extractor.settings, calibration=None)
    plain = Extractor(extractor.backend, extractor.encoder, settings, extractor.batch_tokens, extractor.cleaning)
    return evaluation.measure(plain, documents, min_score=0)


def calibrated(plain: Sequence[Comparison], calibration: Calibration | None) -> list[Comparison]:
    """What :func:`measure` gives, with the scores of an extractor of this calibration."""
    if calibration is None:
        return list(plain)
    return [dataclasses.replace(one, certain=tuple(map(calibration.score, one.certain))) for one in plain]


def fitted(settings: ModelSettings, plain: Sequence[Comparison]) -> ModelSettings:
    """The settings with a calibration and the least score that is recommended, fitted on what was measured.

    UserError where nothing was found, for then there is nothing to fit.
    """
    confidence, correct = evaluation.certainty(plain)
    if not len(correct):
        raise UserError("nothing to calibrate on: the model finds no entity in these documents; give others")
    calibration = platt(confidence, correct)
    rows = reliability.figures(calibrated(plain, calibration))["curve"]
    return dataclasses.replace(settings, calibration=calibration, min_score=reliability.recommended(rows))


def platt(confidence: npt.NDArray[np.float64], correct: npt.NDArray[np.bool_]) -> Calibration:
    """Platt scaling by maximum likelihood, with Platt's own smoothed targets, so that no fit runs away.

    Where more confident entities are not right more often (a handful of entities, all right), the scale
    stays 1 and only the shift is fitted.
    """
    odds = np.array([log_odds(float(value)) for value in confidence])
    right, wrong = int(correct.sum()), int((~correct).sum())
    targets = np.where(correct, (right + 1) / (right + 2), 1 / (wrong + 2))
    scale, shift = _logistic(np.stack([odds, np.ones_like(odds)], axis=1), targets, np.zeros_like(odds))
    if scale < 1e-3:
        (shift,) = _logistic(np.ones((len(odds), 1)), targets, odds)
        scale = 1.0
    return Calibration(round(float(scale), 6), round(float(shift), 6))


def _logistic(
    features: npt.NDArray[np.float64], targets: npt.NDArray[np.float64], offset: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Weights of a logistic regression by Newton's method, each step halved until it does not lose."""

    def loss(weights: npt.NDArray[np.float64]) -> float:
        odds = features @ weights + offset
        return float((np.logaddexp(0, odds) - targets * odds).mean())

    weights: npt.NDArray[np.float64] = np.zeros(features.shape[1])
    for _ in range(_ROUNDS):
        odds = features @ weights + offset
        chance = np.exp(-np.logaddexp(0, -odds))
        gradient = features.T @ (chance - targets) / len(targets)
        curvature = features.T @ (features * (chance * (1 - chance))[:, None]) / len(targets)
        step = np.linalg.solve(curvature + 1e-9 * np.eye(len(weights)), gradient)
        while loss(weights - step) > loss(weights) and np.abs(step).max() > 1e-9:
            step /= 2
        weights = weights - step
        if np.abs(step).max() < 1e-9:
            break
    return weights
