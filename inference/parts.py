"""A run whose output lies in parts, each of so many articles."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import chain, islice

from bangfu.inference.article import Article
from bangfu.inference.extraction import extracted
from bangfu.inference.extractor import Extractor
from bangfu.inference.input_error import InputError
from bangfu.inference.reading import Reading
from bangfu.inference.run_folder import Mark, RunFolder
from bangfu.inference.writer import Format, writer
from bangfu.labels.user_error import UserError


class Errors:
    """Where a reading sends its errors: to a folder, but not those that stand there from before a stop."""

    def __init__(self, say: Callable[[InputError], None]) -> None:
        self._say = say
        self._held: list[InputError] = []
        self._folder: RunFolder | None = None
        self._counting = True

    def __call__(self, error: InputError) -> None:
        """Take an error; until there is a folder, it is held."""
        if self._folder is None:
            self._held.append(error)
        elif self._counting:
            self._folder.error(error)
            self._say(error)

    def go_to(self, folder: RunFolder) -> None:
        """Send all errors to ``folder``; none when it goes on from a part, until :meth:`count` is called."""
        self._folder, self._counting = folder, not folder.progress.parts
        for error in self._held:
            self(error)

    def count(self) -> None:
        """What comes from now on is new."""
        self._counting = True


def write_parts(
    extractor: Extractor,
    reading: Reading,
    errors: Errors,
    folder: RunFolder,
    form: Format,
    size: int,
    each: Callable[[int], None],
) -> None:
    """Read, extract and write what the folder does not hold yet, ``size`` articles a part.

    ``errors`` is what ``reading`` sends its errors to; ``each`` takes the characters of each article that
    is done. Raises UserError when the folder's parts were made from input that cannot be read again.
    """
    errors.go_to(folder)
    summary = deepcopy(folder.progress.summary)
    marks: deque[Mark] = deque()  # of the articles in the look-ahead
    results = extracted(extractor, _marked(_rest(reading, errors, folder), folder, marks), reading.waits)
    for first in results:
        part = folder.part(form)
        with writer(part, form) as write:
            for article, entities in chain([first], islice(results, size - 1)):
                write(article, entities)
                summary.add(article, entities)
                mark = marks.popleft()
                each(len(article.text))
        folder.commit(part, mark, deepcopy(summary))
    folder.finish(summary)


def _rest(reading: Reading, errors: Errors, folder: RunFolder) -> Iterator[Article]:
    # the articles behind the last whole part
    mark = folder.progress.mark
    if not folder.progress.parts:
        yield from reading.articles()
        return
    if reading.size() is None:
        raise UserError(f"{folder.path}: a stream cannot be read from its beginning again; --overwrite starts anew")
    passed = next(number for number, file in enumerate(reading.files) if file.path == mark.file)
    articles = reading.articles(passed)
    for _ in islice(articles, mark.articles):
        pass
    errors.count()
    yield from articles


def _marked(articles: Iterator[Article], folder: RunFolder, marks: deque[Mark]) -> Iterator[Article]:
    file, count = folder.progress.mark.file, folder.progress.mark.articles
    for article in articles:
        if article.source.file != file:
            file, count = article.source.file, 0
        count += 1
        marks.append(folder.mark(file, count))
        yield article
