"""Calibrated scores: what is fitted, what stays as it was, and how the figures are counted."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_extractor import copy, places

from bangfu.inference import Extractor
from bangfu.inference.calibration import Calibration, log_odds
from bangfu.inference.model_folder import ModelFolder
from bangfu.labels import Document, Span, jsonl
from bangfu.labels.user_error import UserError
from bangfu.scripts.main import main
from bangfu.training import calibration as fitting
from bangfu.training import evaluation
from bangfu.training.calibration import platt
from bangfu.training.reliability import bins, calibration_error, curve, figures, recommended

numbers = st.floats(0, 1)


def calibrated(extractor: Extractor, calibration: Calibration | None) -> Extractor:
    changed = dataclasses.replace(extractor.settings, calibration=calibration)
    return Extractor(extractor.backend, extractor.encoder, changed)


@given(st.lists(numbers, max_size=20), st.floats(1e-3, 50), st.floats(-50, 50))
def test_a_calibration_gives_probabilities_in_the_same_order(values: list[float], scale: float, shift: float) -> None:
    calibration = Calibration(scale, shift)
    after = [calibration(value) for value in sorted(values)]
    assert after == sorted(after) and all(0 <= value <= 1 for value in after)


@pytest.mark.parametrize("calibration", [None, Calibration(0.3, -4.0), Calibration(3.0, 2.0)])
def test_entities_stay_where_they_are(extractor: Extractor, article: str, calibration: Calibration | None) -> None:
    ours, theirs = extractor(article, min_score=0), calibrated(extractor, calibration)(article, min_score=0)
    assert places(ours) == places(theirs)
    if calibration:
        plain = calibrated(extractor, None)(article, min_score=0)
        assert [one.score for one in theirs] == [round(calibration(one.score), 4) for one in plain]


def test_a_fit_finds_the_truth() -> None:
    random, truth = np.random.default_rng(1), Calibration(0.7, -1.2)
    confidence = 1 / (1 + np.exp(-random.normal(2, 2, 20_000)))
    correct = random.random(20_000) < np.array([truth(value) for value in confidence])
    fitted = platt(confidence, correct)
    assert (fitted.scale, fitted.shift) == pytest.approx((0.7, -1.2), abs=0.05)
    after = np.array([fitted(value) for value in confidence])
    assert calibration_error(after, correct) < 0.01 < 0.1 < calibration_error(confidence, correct)


@given(st.lists(st.tuples(numbers, st.booleans()), min_size=1, max_size=30))
@example([(0.5, False)] * 15 + [(0.5001, True)] * 15)  # a scale of thousands
def test_a_fit_never_runs_away(pairs: list[tuple[float, bool]]) -> None:
    fitted = platt(np.array([value for value, _ in pairs]), np.array([right for _, right in pairs]))
    assert 0 < fitted(0.0) <= fitted(0.5) <= fitted(1.0) < 1


def test_all_right_is_sure_but_not_beyond_doubt() -> None:
    fitted = platt(np.array([0.9, 0.99, 0.999]), np.ones(3, dtype=bool))
    assert fitted.scale == 1 and log_odds(fitted(0.99)) == pytest.approx(log_odds(0.99) + fitted.shift)


def test_the_error_by_hand() -> None:
    scores, correct = np.array([0.9] * 10 + [0.5] * 10), np.array([True] * 5 + [False] * 5 + [True] * 5 + [False] * 5)
    assert calibration_error(scores, correct, 2) == pytest.approx((0.4 * 10 + 0.0 * 10) / 20)
    assert [count for *_, count in bins(scores, correct, 3)] == [7, 7, 6]
    assert calibration_error(np.zeros(0), np.zeros(0, dtype=bool)) == 0


@given(st.lists(st.tuples(numbers, st.booleans()), max_size=30), st.integers(0, 5))
def test_the_curve_counts_what_is_kept(pairs: list[tuple[float, bool]], missed: int) -> None:
    gold = missed + sum(right for _, right in pairs)
    scores, correct = np.array([value for value, _ in pairs]), np.array([right for _, right in pairs], dtype=bool)
    for row in curve(scores, correct, gold)[::10]:
        kept = [right for value, right in pairs if value >= row["min_score"]]
        assert row["found"] == len(kept)
        assert row["precision"] == (sum(kept) / len(kept) if kept else 0)
        assert row["recall"] == (sum(kept) / gold if gold else 0)


def test_the_curve_is_of_what_an_extractor_puts_out() -> None:
    # 万源 is sure in its second sentence, so its unsure mention is put out as long as that is
    document = Document("a", "万源来信。万源。达州", (Span(0, 2, "LOC"), Span(5, 7, "LOC")))
    found = {Span(0, 2, "LOC"): 0.2, Span(5, 7, "LOC"): 0.9, Span(8, 10, "LOC"): 0.5}
    compared = [dataclasses.replace(evaluation.compare(document, found), certain=tuple(found.values()))]
    rows = figures(compared)["curve"]
    assert [rows[step]["found"] for step in (0, 20, 50, 51, 90, 91)] == [3, 3, 3, 2, 2, 0]
    for row in rows[::10]:
        micro = evaluation.total(evaluation.at_least(compared, row["min_score"]))[evaluation.MICRO]
        assert (row["found"], row["f1"]) == (micro.found, micro.f1)


def test_the_recommended_score_is_in_the_middle_of_the_flat_part() -> None:
    f1 = {0.1: 0.90, 0.2: 0.9482, 0.3: 0.9479, 0.4: 0.9498, 0.5: 0.95, 0.6: 0.9481, 0.7: 0.94}
    assert recommended([{"min_score": score, "f1": value} for score, value in f1.items()]) == 0.5
    assert recommended([{"min_score": 0.0, "f1": 0.0}]) == 0


@settings(deadline=None, max_examples=5)
@given(numbers)
def test_min_score_leaves_out_the_less_sure(extractor: Extractor, least: float) -> None:
    text = "海西县慈善总会向南山镇捐赠棉衣300件，用于临时救助和助学。"
    kept = [entity for entity in extractor(text) if entity.score >= least]
    assert extractor(text, min_score=least) == kept
    assert Extractor(extractor.backend, extractor.encoder, extractor.settings, min_score=least)([text]) == [kept]


def test_a_bad_min_score(extractor: Extractor) -> None:
    for make in (lambda: extractor("省", min_score=1.5), lambda: Extractor.load(min_score=-1)):
        with pytest.raises(UserError, match="must lie between 0 and 1"):
            make()


def test_one_extraction_serves_every_calibration(extractor: Extractor, article: str) -> None:
    documents = [Document("a", article, (Span(0, 2, "LOC"),)), Document("b", "", ())]
    plain = fitting.measure(extractor, documents)
    for calibration in (None, Calibration(0.3, -4.0), extractor.settings.calibration):
        expected = evaluation.measure(calibrated(extractor, calibration), documents, min_score=0)
        assert fitting.calibrated(plain, calibration) == expected and expected[0].certain


def test_the_command_writes_the_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "model").mkdir()
    folder, file = copy(tmp_path / "model", calibration=None), tmp_path / "dev.jsonl"
    text = "南京市慈善总会向洛川县捐赠3万元。"
    spans = (Span(0, 7, "ORG"), Span(8, 11, "LOC"), Span(13, 16, "AMOUNT"))
    jsonl.write([Document("a", text, spans), Document("b", "民政部发放救助金", (Span(0, 3, "LOC"),))], file)
    more = tmp_path / "more.jsonl"
    jsonl.write([Document("c", text, spans)], more)
    before, unfitted = Extractor.load(folder)(text), ModelFolder.load(folder).settings
    assert main(["calibrate", str(file), str(more), "--model", str(folder)]) == 0
    assert "expected calibration error on dev.jsonl, more.jsonl, " in capsys.readouterr().out
    settings = ModelFolder.load(folder).settings
    assert main(["card", str(folder)]) == 0
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert f"fitted on `{file}` and `{more}`" in card and f"score below {settings.min_score:g}" in card
    assert settings.calibration and (settings.window, settings.stride) == (unfitted.window, unfitted.stride)
    after = Extractor.load(folder)(text)
    assert places(after) == places(before) and [one.score for one in after] != [one.score for one in before]
    file.write_text(json.dumps({"id": "a", "text": " ", "spans": []}), encoding="utf-8")
    assert main(["calibrate", str(file), "--model", str(folder)]) == 2
    assert "finds no entity" in capsys.readouterr().err


def test_a_model_may_read_in_shorter_windows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, file = copy(tmp_path), tmp_path / "dev.jsonl"
    text = "南京市慈善总会向洛川县捐赠3万元。"
    jsonl.write([Document("a", text, (Span(0, 7, "ORG"), Span(8, 11, "LOC"), Span(13, 16, "AMOUNT")))], file)
    before = ModelFolder.load(folder).settings
    overlap = before.window - before.stride
    assert main(["calibrate", str(file), "--model", str(folder), "--window", str(overlap + 5)]) == 0
    after = ModelFolder.load(folder).settings
    assert (after.window, after.stride) == (overlap + 5, 5)
    assert main(["card", str(folder)]) == 0
    assert f"in windows of {overlap + 5} tokens" in (folder / "README.md").read_text(encoding="utf-8")
    for window in (overlap, overlap + 6):
        assert main(["calibrate", str(file), "--model", str(folder), "--window", str(window)]) == 2
        assert f"--window {window}: give one above {overlap}" in capsys.readouterr().err


def test_a_folder_of_before_the_calibration_is_read(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    values = json.loads((folder / "bangfu.json").read_text(encoding="utf-8"))
    values.pop("calibration", None)
    (folder / "bangfu.json").write_text(json.dumps(values), encoding="utf-8")
    assert ModelFolder.load(folder).settings.calibration is None
