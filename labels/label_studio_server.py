"""A Label Studio server: projects, and what goes into them and comes out. Needs the extra 'label-studio'."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from bangfu.labels import jsonl, label_studio_config
from bangfu.labels.user_error import UserError

try:
    import httpx
    from label_studio_sdk import LabelStudio
    from label_studio_sdk.core.api_error import ApiError
    from pydantic import ValidationError
except ImportError as error:
    raise ImportError("Label Studio needs its SDK: pip install 'bangfu[label-studio]'") from error

_TIMEOUT = 120.0  # seconds; an import of many tasks is answered when it is done


@dataclass(frozen=True)
class Project:
    """A project of the server."""

    id: int
    title: str
    model: str


class LabelStudioServer:
    """A server that has accepted the key; UserError with one line where it does not answer or refuses.

    The key is kept in memory only and stands in no message.
    """

    def __init__(self, url: str, key: str) -> None:
        if not key.isascii() or not key.isprintable() or not key:
            raise UserError("the key holds characters that no key has; copy it anew from Account & Settings")
        self.url = url.rstrip("/")
        with self._errors():
            self._client = LabelStudio(base_url=self.url, api_key=key, timeout=_TIMEOUT)
            number = self._client.users.whoami().id
        # the SDK makes a user of any JSON object
        if not jsonl.whole(number):
            raise self._no_label_studio()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # the address may hold a password
            shown = str(error).replace(self.url, "the address") or type(error).__name__
            raise UserError(
                f"{_without_login(self.url)}: Label Studio cannot be reached ({shown}); check --url"
            ) from None
        except ApiError as error:
            raise UserError(f"{_without_login(self.url)}: {_reason(error)}") from None
        except (json.JSONDecodeError, ValidationError, TypeError, AttributeError) as error:
            # what the SDK raises where the answer is other JSON than it expects
            raise self._no_label_studio() from error

    def _no_label_studio(self) -> UserError:
        return UserError(f"{_without_login(self.url)}: does not answer as Label Studio does; check --url")

    def find(self, title: str) -> Project | None:
        """The project of this title, whose page must be ours; None where there is none, UserError for two."""
        with self._errors():
            found = [project for project in self._client.projects.list(title=title) if project.title == title]
        if not found:
            return None
        if len(found) > 1:
            raise UserError(f"project {title!r}: the server has {len(found)} of that name; rename all but one")
        with self._errors():
            project = self._client.projects.get(found[0].id)
        label_studio_config.check(project.label_config or "", f"project {title!r}")
        return Project(int(project.id), title, project.model_version or "")

    def create(self, title: str, annotators: int) -> Project:
        """Make a project with our page, each task of which ``annotators`` people label.

        Label Studio orders by doubt for one person only and draws at random where several work; for several
        it goes by the order in which tasks came, which is that of doubt within an import.
        """
        with self._errors():
            made = self._client.projects.create(
                title=title,
                label_config=label_studio_config.configuration(),
                sampling="Uncertainty sampling" if annotators == 1 else "Sequential sampling",
                maximum_annotations=annotators,
                show_collab_predictions=True,
            )
        return Project(int(made.id), title, "")

    def tasks(self, project: Project, annotated: bool = False) -> list[dict[str, Any]]:
        """The tasks of a project with their annotations; with ``annotated`` those that have one."""
        with self._errors():
            raw = b"".join(
                self._client.projects.exports.download_sync(
                    project.id, export_type="JSON", download_all_tasks=not annotated
                )
            )
            tasks: list[dict[str, Any]] = json.loads(raw)
        return tasks

    def predicted(self, project: Project, model: str) -> set[int]:
        """The numbers of the tasks that hold a prediction of a model."""
        with self._errors():
            return {
                int(prediction.task)
                for prediction in self._client.predictions.list(project=project.id)
                if prediction.model_version == model
            }

    def people(self) -> dict[int, str]:
        """A name of each person, the e-mail address, by number."""
        with self._errors():
            return {int(person.id): person.email or f"user-{person.id}" for person in self._client.users.list()}

    def add_tasks(self, project: Project, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Import tasks, predictions inside, in their order."""
        with self._errors():
            answer = self._client.projects.import_tasks(project.id, request=tasks)
        if answer.task_count not in (None, len(tasks)):  # None where the server imports later
            raise UserError(
                f"project {project.title!r}: {answer.task_count} of {len(tasks)} tasks were taken; push again"
            )

    def add_predictions(self, project: Project, predictions: Iterable[tuple[int, Mapping[str, Any]]]) -> None:
        """Import predictions for tasks that are there, by their numbers."""
        request = [{"task": task, **prediction} for task, prediction in predictions]
        with self._errors():
            self._client.projects.import_predictions(project.id, request=request)

    def show_model(self, project: Project, model: str) -> None:
        """Let the predictions of this model be those that are shown, and that order the tasks."""
        if project.model != model:
            with self._errors():
                self._client.projects.update(project.id, model_version=model)


def _without_login(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return scheme + mark + rest.rpartition("@")[2] if mark else url


def _reason(error: ApiError) -> str:
    """A line on what the server answered; headers, which hold cookies, are left out."""
    body = error.body if isinstance(error.body, dict) else {}
    detail = body.get("validation_errors") or body.get("detail") or ""
    if isinstance(detail, dict):
        said = {key: value if isinstance(value, list) else [value] for key, value in detail.items()}
        detail = "; ".join(f"{key}: {' '.join(map(str, value))}" for key, value in said.items())
    if error.status_code in (401, 403):
        return (
            f"Label Studio refuses the key ({str(detail)[:200] or error.status_code}); copy it from Account & Settings"
        )
    if error.status_code == 404 or not body:
        return f"does not answer as Label Studio does (status {error.status_code}); check --url"
    return f"Label Studio answers with status {error.status_code}: {str(detail)[:300]}"
