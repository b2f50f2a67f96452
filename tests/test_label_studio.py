"""Label Studio without a server: page, tasks, annotations and the ML backend, checked on our side."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from strategies import documents

from bangfu.inference import Extractor
from bangfu.inference.predictor import Predictor
from bangfu.labels import LABEL_NAMES, Document, Link, Span, jsonl, label_studio_config, read
from bangfu.labels.label_studio_annotation import Skipped, collect
from bangfu.labels.label_studio_config import configuration, shown_role
from bangfu.labels.label_studio_task import Prediction, task
from bangfu.labels.user_error import UserError
from bangfu.scripts import label_studio
from bangfu.scripts.main import main
from bangfu.training import agreement, evaluation

TEXT = "👩‍👧𠮷　甲县慈善会\r\n向\u2028乙村捐\t5  万元，助学"  # ORG [6, 11), LOC [15, 17), AMOUNT …


def find(word: str, label: str) -> Span:
    start = TEXT.index(word)
    return Span(start, start + len(word), label)


ORG, LOC, AMOUNT, AID = find("甲县慈善会", "ORG"), find("乙村", "LOC"), find("5  万元", "AMOUNT"), find("助学", "AID")


def region(span: Span, name: str, **value: Any) -> dict[str, Any]:
    place = {"start": span.start, "end": span.end, "labels": [span.label]} | value
    return {"id": name, "from_name": "label", "to_name": "text", "type": "labels", "value": place}


def relation(one: str, other: str, *labels: str) -> dict[str, Any]:
    return {"type": "relation", "from_id": one, "to_id": other, "direction": "right", "labels": list(labels)}


def exported(*annotations: dict[str, Any], number: int = 1, name: str | None = "d") -> dict[str, Any]:
    data = {"text": TEXT} | ({"document_id": name} if name else {})
    return {"id": number, "data": data, "annotations": list(annotations)}


def annotation(number: int, *result: dict[str, Any], person: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": number, "completed_by": person, "result": list(result), "updated_at": "2026-03-01T08:00:00Z"} | more


def test_the_page_is_the_schema_and_another_is_refused() -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="needs the extra 'label-studio'")
    page = interface.LabelInterface(configuration())
    page.validate()
    assert tuple(page.get_control("label").labels) == LABEL_NAMES
    attributes = [label.attr for label in page.get_control("label").labels_attrs.values()]
    assert [one["hotkey"] for one in attributes] == ["1", "2", "3", "4"]
    assert len({one["background"] for one in attributes}) == 4 and "机构" in attributes[0]["value"]
    label_studio_config.check(configuration(), "project 'a'")
    # colours and further parts are the user's own
    label_studio_config.check(
        configuration().replace("#2f7fd0", "red").replace("<View>", '<View><Header value="a"/>'), ""
    )
    for broken in (
        "",
        "<View/>",
        configuration().replace('"LOC"', '"PLACE"'),
        configuration().replace("$text", "$body"),
    ):
        with pytest.raises(UserError, match=r"^project 'a' is of another schema: .*") as caught:
            label_studio_config.check(broken, "project 'a'")
        assert "\n" not in str(caught.value)


@given(documents())
def test_what_is_pushed_comes_back(document: Document) -> None:
    prediction = Prediction(document.spans, tuple(0.5 for _ in document.spans), 0.25, "m")
    (given,) = task("a", document.text, "a.txt", [prediction])["predictions"]
    assert all(
        one["value"]["text"] == document.text[one["value"]["start"] : one["value"]["end"]] for one in given["result"]
    )
    # what a browser makes of the text: line breaks as \\n, runs of spaces collapsed
    for one in given["result"]:
        one["value"]["text"] = " ".join(one["value"]["text"].replace("\n", "\\n").split(" "))
    whole = {
        "id": 1,
        "data": {"document_id": "a", "text": document.text},
        "annotations": [annotation(1, *given["result"])],
    }
    done, skipped = collect([json.loads(json.dumps(whole))], {1: "x"})
    assert [one.document for one in done] == ([document] if document.spans else [])
    assert [item.reason for item in skipped] == ([] if document.spans else ["empty"])


def test_a_prediction_is_checked_before_it_is_sent() -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="needs the extra 'label-studio'")
    made = Prediction((ORG, LOC), (0.9, 0.3), 0.7, "m-1").to_json(TEXT)
    assert interface.LabelInterface(configuration()).validate_prediction(made)
    for score in (1.7, -0.1, float("nan")):
        with pytest.raises(ValueError, match="out of range"):
            Prediction((ORG,), (score,), 0.5, "m")
    with pytest.raises(ValueError, match="behind the text"):
        Prediction((Span(0, len(TEXT) + 1, "ORG"),), (0.5,), 0.5, "m").to_json(TEXT)
    with pytest.raises(ValueError, match="lone surrogate"):
        task("a", "a\ud800", "a.txt", [])


def test_links_notes_and_marks_made_twice() -> None:
    result = [
        region(ORG, "a", text="甲县慈善会"),
        region(AMOUNT, "b", text="5 万元"),  # as the browser gives it
        region(AID, "c"),
        region(LOC, "d"),
        region(LOC, "e"),
        relation("a", "b", shown_role("giver")),  # drawn from the giver, which only one way can mean
        relation("b", "e", "receiver"),
        relation("b", "d", "receiver"),
        relation("b", "c", shown_role("aid")),
        relation("a", "d", shown_role("giver")),
        relation("b", "c"),
        {"id": "n", "type": "textarea", "from_name": "note", "to_name": "text", "value": {"text": ["不确定"]}},
    ]
    (one,), skipped = collect([exported(annotation(1, *result))], {1: "first@example.com"})
    assert one.document == Document(
        "d", TEXT, (ORG, AMOUNT, AID, LOC), (Link(1, 0, "giver"), Link(1, 3, "receiver"), Link(1, 2, "aid"))
    )
    assert (one.note, one.annotator, one.finished) == ("不确定", "first@example.com", "2026-03-01T08:00:00Z")
    assert [item.reason for item in skipped] == ["link dropped", "link dropped"]
    assert "no giver joins ORG" in skipped[0].what and "has no role" in skipped[1].what


@pytest.mark.parametrize(
    ("given", "reason", "words"),
    [
        (annotation(1, region(ORG, "a"), was_cancelled=True), "cancelled", "skipped the task"),
        (annotation(1), "empty", "nothing is marked"),
        (annotation(1, region(ORG, "a"), region(Span(ORG.start, ORG.end + 1, "LOC"), "b")), "overlapping", "overlap"),
        (annotation(1, region(ORG, "a", labels=["PER"])), "broken", "unknown label 'PER'"),
        (annotation(1, region(ORG, "a", labels=["ORG", "LOC"])), "broken", "give it one"),
        (annotation(1, region(ORG, "a", end=999)), "broken", "behind the text"),
        (annotation(1, region(ORG, "a", start=-1)), "broken", "out of range"),
        (annotation(1, region(ORG, "a", start=3.0)), "broken", "no whole numbers"),
        # UTF-16 offsets, which count the emoji and the rare character twice
        (
            annotation(1, region(Span(ORG.start + 3, ORG.end + 3, "ORG"), "a", text="甲县慈善会")),
            "broken",
            "was made on",
        ),
        (annotation(1, region(ORG, "a")) | {"result": None}, "broken", "no list of results"),
    ],
)
def test_what_cannot_be_used_is_skipped_with_its_task(given: dict[str, Any], reason: str, words: str) -> None:
    done, (skipped,) = collect([exported(given, number=7)], {})
    assert not done and (skipped.task, skipped.document, skipped.reason) == (7, "d", reason)
    assert words in skipped.what and "\n" not in str(skipped)


def test_several_people_give_a_document_each_and_agree_or_not(tmp_path: Path) -> None:
    people = {1: "a@example.com", 2: "b@example.com"}
    tasks = [
        exported(
            annotation(1, region(LOC, "x"), person=1),
            annotation(2, region(ORG, "x"), region(LOC, "y"), person=2),
            annotation(3, region(ORG, "x"), region(AID, "y"), person=1),
        ),
        exported(annotation(4, region(AID, "x"), person=3), number=2, name=None),
        exported(annotation(5, region(AID, "x"), person=3), number=3),  # the same id in another task
    ]
    done, skipped = collect(tasks, people)
    assert [(one.document.id, one.annotator) for one in done] == [
        ("d", "a@example.com"),
        ("d@b@example.com", "b@example.com"),
        ("task-2", "user-3"),
        ("d#2", "user-3"),
    ]
    assert skipped == [Skipped(1, "d", "replaced", "by a later annotation of a@example.com")]
    jsonl.write_objects((one.to_json() for one in done), tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl") == [one.document for one in done]
    readings: dict[str, list[Document]] = {}
    for one in done:
        readings.setdefault(one.annotator, []).append(one.shared())
    ((first, second, compared),) = agreement.pairs(readings)
    assert (first, second) == ("a@example.com", "b@example.com")
    assert evaluation.total(compared)["micro"].f1 == 0.5 and [len(one.errors) for one in compared] == [2]


def test_certainty_is_that_of_every_token(extractor: Extractor, article: str) -> None:
    texts = [article, "", "今天天气晴朗。", TEXT]
    found = list(extractor.with_certainty(texts))
    assert [entities for entities, _ in found] == extractor(texts)
    assert [certainty for _, certainty in found][1] == 1.0 and all(0 < certainty <= 1 for _, certainty in found)
    # an article without entities of which the model is sure comes behind one it doubts
    assert found[2][1] > found[3][1]


def test_the_backend_answers_as_label_studio_asks(extractor: Extractor) -> None:
    pytest.importorskip("starlette", reason="needs the extra 'label-studio'")
    pytest.importorskip("label_studio_sdk", reason="needs the extra 'label-studio'")
    from starlette.testclient import TestClient

    from bangfu.inference.ml_backend import application

    client = TestClient(application(Predictor(extractor, "mini-1")))
    assert client.get("/health").json() == {"status": "UP", "model_class": "mini-1"}
    setup = {"project": "1.2", "schema": configuration(), "hostname": "http://a", "access_token": "secret"}
    assert client.post("/setup", json=setup).json() == {"model_version": "mini-1"}
    tasks = [{"id": number, "data": {"text": text}} for number, text in enumerate((TEXT, "今天晴。"))]
    answer = client.post("/predict", json={"tasks": tasks, "label_config": configuration()}).json()
    entities = extractor(TEXT)
    assert [[one["value"]["text"] for one in result["result"]] for result in answer["results"]] == [
        [entity.text for entity in entities],
        [],
    ]
    assert entities and all(0 <= result["score"] <= 1 for result in answer["results"])
    assert client.post("/webhook", json={"action": "ANNOTATION_CREATED"}).status_code == 200
    for path, body, words in (
        ("/setup", {"schema": "<View/>"}, "another schema"),
        ("/predict", {"tasks": [{"data": {}}]}, "task 0 has no text"),
        ("/predict", {}, "no list under 'tasks'"),
        ("/predict", [], "no JSON object"),
    ):
        refused = client.post(path, json=body)
        assert refused.status_code == 400 and words in refused.json()["error"]
    assert client.post("/predict", content=b"{").status_code == 400


def test_the_backend_reads_a_lone_surrogate_inside_of_a_name() -> None:
    pytest.importorskip("starlette", reason="needs the extra 'label-studio'")
    pytest.importorskip("label_studio_sdk", reason="needs the extra 'label-studio'")
    from starlette.testclient import TestClient

    from bangfu.inference.ml_backend import application

    class Finds:
        model = "m"

        def __call__(self, texts: list[str]) -> list[Prediction]:
            return [Prediction((Span(0, len(text), "ORG"),), (0.5,), 0.5, "m") for text in texts]

    client = TestClient(application(cast(Predictor, Finds())), raise_server_exceptions=False)
    answer = client.post("/predict", content=rb'{"tasks": [{"data": {"text": "\u7532\ud800"}}]}')
    assert answer.status_code == 200 and answer.json()["results"][0]["result"][0]["value"]["text"] == "甲\ud800"


def test_a_server_that_is_not_there_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("label_studio_sdk", reason="needs the extra 'label-studio'")
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    pull = ["label-studio", "pull", "--project", "a", "-o", "a.jsonl"]
    for more, words in (
        (["--url", "http://me:hidden@127.0.0.1:9", "--key", "geheim"], "cannot be reached"),
        (["--url", "127.0.0.1:9", "--key", "geheim"], "cannot be reached"),
        (["--url", "http://127.0.0.1:9", "--key", "密"], "no key has"),
        (["--url", "http://127.0.0.1:9"], "set LABEL_STUDIO_API_KEY"),
        (["--key", "geheim"], "set LABEL_STUDIO_URL"),
        (["-o", "no/a.jsonl", "--url", "http://127.0.0.1:9", "--key", "geheim"], "no/a.jsonl: there is no folder no;"),
    ):
        assert main([*pull, *more]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line and "geheim" not in line and "hidden" not in line


@pytest.mark.parametrize("answer", ["[]", "null", "{}", '{"id": "x"}'])
def test_a_server_of_another_kind_is_one_line(
    answer: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("label_studio_sdk", reason="needs the extra 'label-studio'")
    import httpx

    monkeypatch.setattr(
        httpx.HTTPTransport,
        "handle_request",
        lambda *_: httpx.Response(200, headers={"content-type": "application/json"}, content=answer),
    )
    assert main(["label-studio", "pull", "--project", "a", "-o", "a.jsonl", "--url", "http://a", "--key", "k"]) == 2
    assert capsys.readouterr().err == "bangfu: http://a: does not answer as Label Studio does; check --url\n"


def test_nobody_at_the_prompt_is_one_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("label_studio_sdk", reason="needs the extra 'label-studio'")
    monkeypatch.delenv("LABEL_STUDIO_URL", raising=False)
    ended = io.StringIO()  # as Ctrl-D leaves it
    monkeypatch.setattr(ended, "isatty", lambda: True)
    for stream, line in (
        (None, "bangfu: --url is not given and nobody is there to ask; give it or set LABEL_STUDIO_URL\n"),
        (ended, "\nbangfu: --url is not given; give it or set LABEL_STUDIO_URL\n"),
    ):
        monkeypatch.setattr(sys, "stdin", stream)
        assert main(["label-studio", "pull", "--project", "a", "-o", "a.jsonl", "--key", "k"]) == 2
        assert capsys.readouterr().err == line


class Server:
    """A server without projects that keeps the tasks it is given."""

    def __init__(self) -> None:
        self.taken: list[dict[str, Any]] = []

    def find(self, title: str) -> None:
        """No project."""

    def create(self, title: str, annotators: int) -> SimpleNamespace:
        """A project of the title."""
        return SimpleNamespace(title=title)

    def add_tasks(self, project: object, tasks: list[dict[str, Any]]) -> None:
        """Keep them."""
        self.taken += tasks

    def show_model(self, project: object, model: str) -> None:
        """Nothing to show."""


def pushed(texts: list[str | None], path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """The status of pushing texts to a new project, and the texts of its tasks."""
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts), encoding="utf-8")
    server = Server()
    monkeypatch.setattr(label_studio, "_connect", lambda _: server)
    status = main(["label-studio", "push", str(path), "--project", "a", "--device", "cpu"])
    return status, [task["data"]["text"] for task in server.taken]


def test_articles_without_text_are_not_pushed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.jsonl"
    assert pushed(["", TEXT, None, " \u3000\n"], file, monkeypatch) == (1, [TEXT])
    assert capsys.readouterr().err.splitlines() == [
        f"bangfu: skipped: {file}:{row}: no text to label; give it one or leave it out" for row in (1, 3, 4)
    ]


def test_what_stands_twice_in_the_files_is_not_there_already(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pushed([TEXT, TEXT, TEXT], tmp_path / "a.jsonl", monkeypatch) == (0, [TEXT])
    assert "1 articles added to 'a', 0 there already, 2 there twice in the files; " in capsys.readouterr().out
