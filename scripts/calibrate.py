"""``bangfu calibrate FILE``: fit the scores of a model on labelled documents."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from bangfu.inference.backend import BACKENDS
from bangfu.inference.extractor import Extractor
from bangfu.inference.model_folder import SETTINGS, ModelSettings, write_settings
from bangfu.labels import labelled_file
from bangfu.labels.user_error import UserError
from bangfu.training import calibration, evaluation, reliability, run_file


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("calibrate", help="make a model's scores probabilities, by labelled documents")
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="documents the model was not trained on: a dev split"
    )
    parser.add_argument("--model", type=Path, required=True, help="model folder, whose bangfu.json is written anew")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--backend", choices=BACKENDS, default="onnx")
    parser.add_argument(
        "--window",
        type=int,
        help="read in windows of so many tokens from now on, at most the present ones: it costs less",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Fit, write, and say what changed."""
    documents = [document for file in arguments.files for document in labelled_file.read(file)]
    extractor = Extractor.load(arguments.model, device=arguments.device, backend=arguments.backend)
    extractor.settings = _windowed(extractor.settings, arguments.window)
    plain = calibration.measure(extractor, documents)
    settings = calibration.fitted(extractor.settings, plain)
    before, after = (
        evaluation.certainty(calibration.calibrated(plain, one.calibration)) for one in (extractor.settings, settings)
    )
    write_settings(arguments.model, settings)
    told = run_file.fitted(arguments.model, [str(file) for file in arguments.files], settings)
    assert settings.calibration is not None
    scale, shift = settings.calibration.scale, settings.calibration.shift
    print(f"{arguments.model / SETTINGS} written: scale {scale}, shift {shift}, min_score {settings.min_score}")
    print(
        f"expected calibration error on {', '.join(file.name for file in arguments.files)}, {len(after[0])} entities: "
        f"{100 * reliability.calibration_error(*before):.2f} % before, "
        f"{100 * reliability.calibration_error(*after):.2f} % after; measure it on documents that were not fitted on"
    )
    if told:
        print("its card tells of the scores before: 'bangfu evaluate' and 'bangfu card' write it anew")
    return 0


def _windowed(settings: ModelSettings, window: int | None) -> ModelSettings:
    # windows where no sentence ends overlap by as much as before
    overlap = settings.window - settings.stride
    if window is None:
        return settings
    if not overlap < window <= settings.window:
        raise UserError(f"--window {window}: give one above {overlap}, the overlap, and not above {settings.window}")
    return dataclasses.replace(settings, window=window, stride=window - overlap)
