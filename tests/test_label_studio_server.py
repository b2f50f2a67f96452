"""The round trip with a real Label Studio: push, people's corrections, pull, train, push; and its page in a browser."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("label_studio_sdk", reason="needs the extra 'label-studio'")

import label_studio_process as process
from label_studio_process import BINARY, KEY, PASSWORD, USER
from label_studio_sdk import LabelStudio

from bangfu.inference import Extractor
from bangfu.inference.model_folder import SHIPPED, ModelFolder
from bangfu.labels import label_studio_config, read
from bangfu.scripts.main import main

pytestmark = [
    pytest.mark.label_studio,
    pytest.mark.skipif(not BINARY, reason="no LABEL_STUDIO_BIN: the path of the command label-studio"),
]

ODD = "👩‍👧𠮷　\r\n甲县慈善总会\u2028向洛川县捐赠5  万元，\t用于助学。\x85<b>&amp;\\n"
ARTICLES = {
    "odd": ODD,
    "weather": "今天天气晴朗，微风。",
    "clothes": "南京市慈善总会向会泽县捐赠冬衣1200件。",
    "school": "江苏省慈善总会为西海县的学生捐了三万元。",
    "clinic": "宁安市民政局到南山县开展义诊。",
    "money": "河东市向安北省捐赠12万元。",
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of this module's own."""
    folder = tmp_path_factory.mktemp("label-studio")
    # an empty database that is kept saves a minute a run
    kept = os.environ.get("LABEL_STUDIO_EMPTY")
    with process.running(process.migrated(Path(kept) if kept else folder / "empty"), folder / "data") as url:
        yield url


@pytest.fixture
def client(url: str, monkeypatch: pytest.MonkeyPatch) -> LabelStudio:
    """The API as a person's browser uses it; the commands find the server by the environment."""
    monkeypatch.setenv("LABEL_STUDIO_URL", url)
    monkeypatch.setenv("LABEL_STUDIO_API_KEY", KEY)
    return LabelStudio(base_url=url, api_key=KEY)


def articles(path: Path, texts: dict[str, str]) -> str:
    path.write_text("".join(json.dumps({"id": name, "text": text}) + "\n" for name, text in texts.items()))
    return str(path)


def project_of(client: LabelStudio, title: str) -> int:
    (project,) = [one for one in client.projects.list(title=title) if one.title == title]
    return int(project.id)


def tasks_of(client: LabelStudio, title: str) -> dict[str, Any]:
    return {task.data["document_id"]: task for task in client.tasks.list(project=project_of(client, title))}


def next_task(client: LabelStudio, title: str) -> str:
    """What Label Studio gives a person who asks for work."""
    answer = client._client_wrapper.httpx_client.request(f"api/projects/{project_of(client, title)}/next", method="GET")
    assert answer.status_code == 200
    return str(answer.json()["data"]["document_id"])


def region(text: str, word: str, label: str, name: str) -> dict[str, Any]:
    start = text.index(word)
    value = {"start": start, "end": start + len(word), "text": word, "labels": [label]}
    return {"id": name, "from_name": "label", "to_name": "text", "type": "labels", "value": value}


CONFIG = """
name: tiny
encoder: {encoder}
output: {output}
train: [{{path: {data}}}]
dev: {{path: {data}}}
window: 60
stride: 40
epochs: 2
precision: fp32
"""


def test_the_loop_twice(client: LabelStudio, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    from models import tiny_encoder

    encoder = tiny_encoder(tmp_path / "encoder")
    push = ["label-studio", "push", "--project", "回路一", "--device", "cpu"]
    pulled, model = tmp_path / "pulled.jsonl", SHIPPED
    others = client.users.create(email="second@example.com", username="second")
    for turn, names in enumerate((("odd", "weather", "clothes"), tuple(ARTICLES))):
        files = articles(tmp_path / f"{turn}.jsonl", {name: ARTICLES[name] for name in names})
        assert main([*push, files, "--model", str(model)]) == 0
        assert "3 articles added" in capsys.readouterr().out
        assert main([*push, files, "--model", str(model)]) == 0
        assert f"0 articles added to '回路一', {len(names)} there already" in capsys.readouterr().out

        version = ModelFolder.load(model).version()
        tasks = tasks_of(client, "回路一")
        assert {name: task.data["text"] for name, task in tasks.items()} == {name: ARTICLES[name] for name in names}
        waiting = {name: task for name, task in tasks.items() if not task.annotations}
        scores = {}
        for name, task in waiting.items():
            (prediction,) = [one for one in task.predictions if one.model_version == version]
            scores[name] = prediction.score
            found = [(one["value"]["start"], one["value"]["end"], one["score"]) for one in prediction.result]
            entities = Extractor.load(model, device="cpu")(ARTICLES[name])
            assert found == [(entity.start, entity.end, entity.score) for entity in entities]
        assert next_task(client, "回路一") == min(scores, key=lambda name: scores[name])

        # people at work; the article on the weather waits for the second turn
        for name, task in waiting.items():
            text = ARTICLES[name]
            if name == "weather" and turn == 0:
                continue
            if name == "weather":
                client.annotations.create(id=task.id, result=[], was_cancelled=True)
            elif name == "money":
                client.annotations.create(id=task.id, result=[])
            elif name == "clinic":
                result = [region(text, "宁安市民政局", "ORG", "a"), region(text, "宁安市", "LOC", "b")]
                client.annotations.create(id=task.id, result=result)
            else:
                word = {"odd": "洛川县", "clothes": "会泽县", "school": "西海县"}[name]
                body = {"odd": "甲县慈善总会", "clothes": "南京市慈善总会", "school": "江苏省慈善总会"}[name]
                amount = {"odd": "5  万元", "clothes": "1200件", "school": "三万元"}[name]
                result = [
                    region(text, word, "LOC", "a"),
                    region(text, body, "ORG", "b"),
                    region(text, amount, "AMOUNT", "c"),
                ]
                link = {
                    "type": "relation",
                    "from_id": "c",
                    "to_id": "b",
                    "direction": "right",
                    "labels": ["提供方 giver"],
                }
                client.annotations.create(id=task.id, result=[*result, link])
                if name == "clothes":
                    client.annotations.create(id=task.id, result=result[:2], completed_by=others.id)

        report = tmp_path / f"report{turn}"
        pull = ["label-studio", "pull", "--project", "回路一", "-o", str(pulled), "--report", str(report)]
        assert main(pull) == 0
        said = capsys.readouterr()
        documents = {document.id: document for document in read(pulled)}
        texts = {name: [document.span_text(span) for span in document.spans] for name, document in documents.items()}
        assert texts["odd"] == ["洛川县", "甲县慈善总会", "5  万元"] and documents["odd"].links[0].role == "giver"
        assert texts["clothes@second@example.com"] == texts["clothes"][:2]
        assert set(texts) == {"odd", "clothes", "clothes@second@example.com"} | ({"school"} if turn else set())
        assert "second@example.com against first@example.com" in said.out and "80.0" in said.out
        assert len(list(report.iterdir())) == 2
        if turn:
            assert "1 cancelled" in said.err and "1 empty" in said.err and "1 overlapping" in said.err
        facts = [json.loads(line)["label_studio"] for line in pulled.read_text(encoding="utf-8").split("\n") if line]
        assert {fact["annotator"] for fact in facts} == {USER, "second@example.com"}
        assert all(fact["finished"].startswith("20") for fact in facts)

        assert main(["corpus", "check", str(pulled)]) == 0
        config = tmp_path / "tiny.yaml"
        output = tmp_path / f"run{turn}"
        config.write_text(CONFIG.format(encoder=encoder, output=output, data=pulled), encoding="utf-8")
        assert main(["train", str(config)]) == 0
        for one in (model, output / "model"):
            assert main(["evaluate", str(pulled), "--device", "cpu", "--model", str(one)]) == 0
        model = output / "model"
        capsys.readouterr()
    # a newer model reads anew what waits, so that its doubt orders it
    files = articles(tmp_path / "more.jsonl", {"new": "南山县慈善会捐赠五百元。"})
    assert main([*push, files, "--model", str(SHIPPED)]) == 0
    assert main([*push, files, "--model", str(model)]) == 0
    assert "0 articles added" in (out := capsys.readouterr().out) and "1 waiting articles read anew" in out
    (task,) = [task for task in tasks_of(client, "回路一").values() if task.data["document_id"] == "new"]
    assert len({one.model_version for one in task.predictions}) == 2
    assert next_task(client, "回路一") == "new"


def test_limit_and_what_is_refused(client: LabelStudio, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = articles(tmp_path / "all.jsonl", ARTICLES | {"again": ODD})
    push = ["label-studio", "push", files, "--project", "少数几篇", "--device", "cpu"]
    assert main([*push, "--limit", "2", "--annotators", "2"]) == 0
    told = "2 articles added to '少数几篇', 0 there already, 1 there twice in the files, 4 less doubtful ones left out"
    assert told in capsys.readouterr().out
    certainty = dict(zip(ARTICLES, Extractor.load(device="cpu").with_certainty(ARTICLES.values()), strict=True))
    doubtful = sorted(ARTICLES, key=lambda name: certainty[name][1])
    # tasks of several people go by their order
    assert list(tasks_of(client, "少数几篇")) == doubtful[:2] and next_task(client, "少数几篇") == doubtful[0]

    changed = articles(tmp_path / "changed.jsonl", {doubtful[0]: "另一篇。"})
    assert main(["label-studio", "push", changed, "--project", "少数几篇", "--device", "cpu"]) == 1
    assert "another text under the id" in capsys.readouterr().err
    page = label_studio_config.configuration().replace('alias="AID"', 'alias="OTHER"')
    client.projects.create(title="别的项目", label_config=page)
    personal = client.tokens.create().token  # a second kind of key, which new servers give by default
    for more, words in (
        (["--project", "少数几篇", "--key", personal], "no finished annotation yet"),
        (["--project", "别的项目"], "project '别的项目' is of another schema: its labels are"),
        (["--project", "少数几篇", "--key", "f" * 40], "refuses the key"),
        (["--project", "不存在的"], "no project '不存在的'"),
        (["--project", "少数几篇"], "no finished annotation yet"),
    ):
        assert main(["label-studio", "pull", "-o", str(tmp_path / "out.jsonl"), *more]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert words in line and "f" * 40 not in line
    assert not (tmp_path / "out.jsonl").exists()


def test_the_server_asks_our_backend(client: LabelStudio, tmp_path: Path) -> None:
    port = process.free_port()
    command = [
        sys.executable,
        "-m",
        "bangfu.scripts.main",
        "label-studio",
        "serve",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    project = client.projects.create(title="后端一", label_config=label_studio_config.configuration()).id
    client.projects.import_tasks(project, request=[{"data": {"document_id": "odd", "text": ODD}}])
    backend = f"http://127.0.0.1:{port}"
    with process.wait_for(command, tmp_path / "serve.log", f"{backend}/health", {}):
        client.ml.create(url=backend, project=project, title="bangfu")
        client.actions.create(
            id="retrieve_tasks_predictions", project=project, selected_items={"all": True, "excluded": []}
        )
        (task,) = client.tasks.list(project=project)
    (prediction,) = task.predictions
    assert prediction.model_version == ModelFolder.load(SHIPPED).version()
    entities = Extractor.load(device="cpu")(ODD)
    assert [one["value"]["text"] for one in prediction.result] == [entity.text for entity in entities]
    assert KEY not in (tmp_path / "serve.log").read_text()


def test_the_page_shows_marks_on_their_characters(client: LabelStudio, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip(f"none of {', '.join(names)} is installed")
    files = articles(tmp_path / "odd.jsonl", {"odd": ODD})
    assert main(["label-studio", "push", files, "--project", "网页一", "--device", "cpu"]) == 0
    project, task = project_of(client, "网页一"), tasks_of(client, "网页一")["odd"]
    url = os.environ["LABEL_STUDIO_URL"]
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.set_default_timeout(120_000)
        page.goto(f"{url}/user/login")
        page.fill("input[name=email]", USER)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda address: "login" not in address, wait_until="commit")
        page.goto(f"{url}/projects/{project}/data?task={task.id}")
        page.wait_for_selector(".htx-highlight")
        page.wait_for_timeout(1000)
        page.screenshot(path=os.environ.get("LABEL_STUDIO_SCREENSHOT", str(tmp_path / "page.png")))
        marks = page.eval_on_selector_all(
            ".htx-highlight", "all => all.map(mark => [mark.textContent, getComputedStyle(mark).backgroundColor])"
        )
        # a person submits what is shown, with the texts that the browser makes of it
        with page.expect_response(lambda answer: "/annotations" in answer.url and answer.request.method == "POST"):
            page.get_by_role("button", name="Submit").click()
        browser.close()
    entities = Extractor.load(device="cpu")(ODD)
    shown = "".join(text for text, _ in marks)
    assert entities and "".join(shown.split()) == "".join("".join(entity.text for entity in entities).split())
    assert len({colour for _, colour in marks}) == len({entity.label for entity in entities})
    out = tmp_path / "out.jsonl"
    assert main(["label-studio", "pull", "--project", "网页一", "-o", str(out)]) == 0
    (document,) = read(out)
    assert document.text == ODD
    assert [(span.start, span.end, span.label) for span in sorted(document.spans)] == [
        (entity.start, entity.end, entity.label) for entity in entities
    ]
