"""An ML backend of Label Studio: the server asks it for predictions while people label."""

from __future__ import annotations

import json
from typing import Any

from bangfu.inference.predictor import Predictor
from bangfu.labels import label_studio_config
from bangfu.labels.label_studio_config import TEXT
from bangfu.labels.user_error import UserError

try:
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route
except ImportError as error:
    raise ImportError("the ML backend needs a web framework: pip install 'bangfu[label-studio]'") from error


class _Answer(JSONResponse):
    """JSON that holds any text: a lone surrogate, which UTF-8 cannot hold, is written as its escape."""

    def render(self, content: Any) -> bytes:
        return json.dumps(content, ensure_ascii=False, allow_nan=False).encode("utf-8", "backslashreplace")


def application(predictor: Predictor) -> Starlette:
    """GET /health, POST /setup, /predict and /webhook, as Label Studio calls them.

    What cannot be used, a page of another schema or a task without text, is answered with status 400 and
    ``{"error"}``. Keys that Label Studio sends along are not looked at.
    """
    # Label Studio waits three seconds for an answer, so the SDK is imported before the first request
    label_studio_config.check(label_studio_config.configuration(), "our own page")

    async def health(request: Request) -> _Answer:
        return _Answer({"status": "UP", "model_class": predictor.model})

    async def setup(request: Request) -> _Answer:
        body = await _body(request)
        label_studio_config.check(str(body.get("schema") or ""), "the project")
        return _Answer({"model_version": predictor.model})

    async def predict(request: Request) -> _Answer:
        body = await _body(request)
        if body.get("label_config"):
            label_studio_config.check(str(body["label_config"]), "the project")
        texts = _texts(body.get("tasks"))
        results = await run_in_threadpool(_predictions, predictor, texts)
        return _Answer({"results": results, "model_version": predictor.model})

    async def webhook(request: Request) -> _Answer:
        # training is a matter of 'bangfu train'; what the server tells of annotations changes nothing here
        await _body(request)
        return _Answer({})

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/setup", setup, methods=["POST"]),
            Route("/predict", predict, methods=["POST"]),
            Route("/webhook", webhook, methods=["POST"]),
        ],
        exception_handlers={UserError: _refused},
    )


async def _refused(request: Request, error: Exception) -> _Answer:
    return _Answer({"error": str(error)}, status_code=400)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as error:
        raise UserError(f"the request is not JSON ({error}); send an object") from error
    if not isinstance(body, dict):
        raise UserError("the request is no JSON object; send one")
    return body


def _texts(tasks: object) -> list[str]:
    if not isinstance(tasks, list):
        raise UserError("the request has no list under 'tasks'; send one")
    texts = []
    for number, task in enumerate(tasks):
        data = task.get("data") if isinstance(task, dict) else None
        text = data.get(TEXT) if isinstance(data, dict) else None
        if not isinstance(text, str):
            raise UserError(f"task {number} has no text under 'data' {TEXT!r}; import tasks with one")
        texts.append(text)
    return texts


def _predictions(predictor: Predictor, texts: list[str]) -> list[dict[str, Any]]:
    return [prediction.to_json(text) for text, prediction in zip(texts, predictor(texts), strict=True)]
