"""``bangfu label-studio …``: people correct the model in Label Studio, the model learns from them."""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from getpass import getpass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from tqdm import tqdm

from bangfu.inference.article import Article
from bangfu.inference.form import FORMS
from bangfu.inference.input_error import InputError
from bangfu.labels import atomic_file, jsonl, label_studio_annotation, label_studio_task
from bangfu.labels.label_studio_annotation import Annotated, Skipped
from bangfu.labels.label_studio_config import TEXT
from bangfu.labels.label_studio_task import DOCUMENT_ID
from bangfu.labels.user_error import UserError

if TYPE_CHECKING:
    from bangfu.labels.label_studio_server import LabelStudioServer, Project

_CHUNK = 100  # tasks a request
_LAST_PORT = 2**16 - 1
_SHOWN = 20  # lines on skipped work before the rest is only counted

T = TypeVar("T")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = commands.add_parser("label-studio", help="label with people in Label Studio (extra 'label-studio')")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    push = actions.add_parser("push", help="upload articles with the model's entities, the most doubtful first")
    push.add_argument(
        "files", nargs="+", metavar="FILE", help="files, folders and globs, as 'bangfu extract' takes them"
    )
    _server(push)
    push.add_argument("--limit", type=int, metavar="N", help="add the N most doubtful of the new articles only")
    push.add_argument(
        "--annotators", type=int, default=1, metavar="N", help="people to label each article, of a new project"
    )
    push.add_argument("--input", choices=FORMS, help="what the files are, instead of going by their names")
    push.add_argument("--column", help="that holds the text, or the key in JSON lines")
    push.add_argument("--encoding", help="of text, HTML, JSON lines and CSV, instead of detecting it")
    _model(push)
    push.set_defaults(run=run_push)

    pull = actions.add_parser("pull", help="fetch finished annotations as labelled documents")
    _server(pull)
    pull.add_argument("--output", "-o", type=Path, required=True, metavar="FILE", help=".jsonl or .jsonl.gz to write")
    pull.add_argument(
        "--report", type=Path, metavar="DIR", help="folder for agreement and differences, where several labelled a task"
    )
    pull.set_defaults(run=run_pull)

    serve = actions.add_parser("serve", help="answer a Label Studio server that asks for predictions (ML backend)")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    serve.add_argument("--port", type=int, default=9090)
    _model(serve)
    serve.set_defaults(run=run_serve)


def _server(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--project", required=True, metavar="NAME", help="title of the project")
    parser.add_argument("--url", help="of the server; LABEL_STUDIO_URL, or a prompt, when not given")
    parser.add_argument("--key", help="access token; LABEL_STUDIO_API_KEY, or a prompt, when not given")


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", type=Path, help="model folder; the shipped model when not given")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")


def _connect(arguments: argparse.Namespace) -> LabelStudioServer:
    from bangfu.labels.label_studio_server import LabelStudioServer

    url = (
        arguments.url or os.environ.get("LABEL_STUDIO_URL") or _ask("Address of Label Studio: ", "--url", secret=False)
    )
    key = arguments.key or os.environ.get("LABEL_STUDIO_API_KEY") or _ask("Access token: ", "--key", secret=True)
    return LabelStudioServer(url.strip(), key.strip())


def _ask(prompt: str, option: str, secret: bool) -> str:
    name = "LABEL_STUDIO_API_KEY" if secret else "LABEL_STUDIO_URL"
    if sys.stdin is None or not sys.stdin.isatty():  # it is None where the shell closed it
        raise UserError(f"{option} is not given and nobody is there to ask; give it or set {name}")
    try:
        answer = getpass(prompt) if secret else input(prompt)
    except EOFError:
        answer = ""
        print(file=sys.stderr)  # ends the line of the prompt
    if not answer.strip():
        raise UserError(f"{option} is not given; give it or set {name}")
    return answer


def _say(line: str) -> None:
    tqdm.write(f"bangfu: {line}", file=sys.stderr)


def run_push(arguments: argparse.Namespace) -> int:
    """Upload what the project does not have, and renew the predictions of what nobody has labelled yet."""
    from bangfu.inference.predictor import Predictor
    from bangfu.inference.reading import read

    if arguments.annotators < 1 or (arguments.limit is not None and arguments.limit < 0):
        raise UserError("--annotators must be at least 1 and --limit not negative")
    server = _connect(arguments)
    project = server.find(arguments.project)
    there = server.tasks(project) if project else []
    predictor = Predictor.load(arguments.model, arguments.device)
    skipped = 0

    def report(error: InputError) -> None:
        nonlocal skipped
        skipped += 1
        _say(f"skipped: {error}")

    articles = read(
        *arguments.files,
        form=arguments.input,
        column=arguments.column,
        encoding=arguments.encoding,
        skipped=report,
        note=_say,
    )
    new, known, twice = _new(articles, there, report)
    if not new and not there:
        raise UserError("no article to push; give files with text")
    if project is None:
        project = server.create(arguments.project, arguments.annotators)
    tasks = []
    texts = (article.text for article in new)
    for article, prediction in zip(new, _bar(predictor(texts), len(new), "reading"), strict=True):
        try:
            tasks.append(label_studio_task.task(article.id, article.text, article.source.file, [prediction]))
        except ValueError as error:
            report(InputError(f"{article.source.file}: {error}"))
    # the most doubtful first; of equals, the order of the files
    tasks.sort(key=lambda task: task["predictions"][0]["score"])
    left = 0 if arguments.limit is None else max(0, len(tasks) - arguments.limit)
    tasks = tasks[: len(tasks) - left]
    with tqdm(total=len(tasks), desc="uploading", unit=" articles", disable=not sys.stderr.isatty()) as bar:
        for chunk in _chunks(tasks, _CHUNK):
            server.add_tasks(project, chunk)
            bar.update(len(chunk))
    renewed = _renew(server, project, there, predictor)
    server.show_model(project, predictor.model)
    lines = [f"{len(tasks)} articles added to {project.title!r}, {known} there already"]
    lines += [f"{twice} there twice in the files"] if twice else []
    lines += [f"{left} less doubtful ones left out"] if left else []
    lines += [f"{renewed} waiting articles read anew"] if renewed else []
    print(f"{', '.join(lines)}; predictions by {predictor.model}")
    return 1 if skipped else 0


def _new(articles: Iterable[Article], there: Sequence[dict[str, Any]], report: Any) -> tuple[list[Article], int, int]:
    """The articles that the project does not have, how many it has, and how many stand twice here; by id and text."""
    of_tasks = [task["data"] for task in there if isinstance(task["data"].get(TEXT), str)]
    texts = {str(data.get(DOCUMENT_ID)): data[TEXT] for data in of_tasks}
    all_texts = {data[TEXT] for data in of_tasks}
    new = dict[str, Article]()
    known = twice = 0
    for article in articles:
        if not article.text.strip():
            # nothing can be marked in it, so it would never come back
            report(InputError("no text to label; give it one or leave it out", article.source.file, article.source.row))
        elif texts.get(article.id, article.text) != article.text:
            report(
                InputError(f"{article.source.file}: the project has another text under the id {article.id!r}; rename")
            )
        elif article.text in all_texts:
            known += 1
        elif article.text in new:
            twice += 1
        else:
            new[article.text] = article
    return list(new.values()), known, twice


def _renew(server: LabelStudioServer, project: Project, there: Sequence[dict[str, Any]], predictor: Any) -> int:
    """Give each task that nobody has labelled a prediction of this model, else another's doubt would order it."""
    waiting = [task for task in there if not task["annotations"] and isinstance(task["data"].get(TEXT), str)]
    if not waiting:
        return 0
    done = server.predicted(project, predictor.model)
    waiting = [task for task in waiting if task["id"] not in done]
    predictions = _bar(predictor(task["data"][TEXT] for task in waiting), len(waiting), "reading anew")
    for chunk in _chunks(zip(waiting, predictions, strict=True), _CHUNK):
        server.add_predictions(
            project, [(task["id"], prediction.to_json(task["data"][TEXT])) for task, prediction in chunk]
        )
    return len(waiting)


def _bar(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    return iter(tqdm(items, total=total, desc=what, unit=" articles", disable=not sys.stderr.isatty()))


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    items = iter(items)
    while chunk := list(islice(items, size)):
        yield chunk


def run_pull(arguments: argparse.Namespace) -> int:
    """Write the documents, say what was left out, and how far people agree."""
    if not arguments.output.name.endswith((".jsonl", ".jsonl.gz")):
        raise UserError(f"{arguments.output}: name it .jsonl or .jsonl.gz")
    atomic_file.check(arguments.output)
    if arguments.report:
        atomic_file.check_folder(arguments.report)
    server = _connect(arguments)
    project = server.find(arguments.project)
    if project is None:
        raise UserError(f"no project {arguments.project!r} on the server; 'bangfu label-studio push' makes one")
    tasks = server.tasks(project, annotated=True)
    done, skipped = label_studio_annotation.collect(tasks, server.people())
    _report(skipped)
    if not done:
        raise UserError(f"project {project.title!r}: no finished annotation yet; nothing was written")
    jsonl.write_objects((one.to_json() for one in done), arguments.output)
    people = Counter(one.annotator for one in done)
    print(
        f"{len(done)} documents written: {arguments.output}; {', '.join(f'{n} by {who}' for who, n in people.items())}"
    )
    _agreement(done, arguments.report)
    return 0


def _report(skipped: Sequence[Skipped]) -> None:
    if skipped:
        kinds = Counter(item.reason for item in skipped)
        _say(f"left out: {', '.join(f'{number} {reason}' for reason, number in kinds.items())}")
    for item in skipped[:_SHOWN]:
        _say(str(item))
    if len(skipped) > _SHOWN:
        _say(f"and {len(skipped) - _SHOWN} more")


def _agreement(done: Sequence[Annotated], folder: Path | None) -> None:
    from bangfu.training import agreement, evaluation, evaluation_page

    readings: dict[str, list[Any]] = {}
    for one in done:
        # two tasks may bear the same id, so the task tells what was read twice
        readings.setdefault(one.annotator, []).append(one.shared())
    for first, second, comparisons in agreement.pairs(readings):
        values = evaluation.metrics(comparisons, f"{second} against {first}")
        print(evaluation.table(values))
        if folder:
            name = f"{_file_name(first)}-{_file_name(second)}"
            files = (folder / f"agreement-{name}.json", folder / f"differences-{name}.html")
            print(evaluation_page.write_with_figures(comparisons, values, *files, f"{first} and {second}"))


def _file_name(person: str) -> str:
    return "".join(mark if mark.isalnum() or mark in "._@" else "_" for mark in person)


def run_serve(arguments: argparse.Namespace) -> int:
    """Serve until stopped."""
    if not 0 <= arguments.port <= _LAST_PORT:
        raise UserError(f"--port {arguments.port} must be 0 to {_LAST_PORT}")
    from bangfu.inference import ml_backend
    from bangfu.inference.predictor import Predictor

    try:
        import uvicorn
    except ImportError as error:
        raise ImportError("the ML backend needs a web server: pip install 'bangfu[label-studio]'") from error

    predictor = Predictor.load(arguments.model, arguments.device)
    print(f"{predictor.model} at http://{arguments.host}:{arguments.port}", flush=True)
    uvicorn.run(ml_backend.application(predictor), host=arguments.host, port=arguments.port, log_level="warning")
    return 0
