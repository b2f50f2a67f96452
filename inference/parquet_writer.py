"""Parquet of extracted entities, by pyarrow, of the extra ``parquet``: a row an article."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bangfu.inference.article import Article
from bangfu.inference.entity import Entity

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise ImportError("Parquet files need pyarrow: pip install 'bangfu[parquet]'") from error

# a row group holds no more of either, so that memory does not grow with the file
_ROWS = 1000
_CHARACTERS = 1 << 20

_SURROGATE = re.compile("[\ud800-\udfff]")

SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        (
            "source",
            pa.struct(
                [
                    ("file", pa.string()),
                    ("extractor", pa.string()),
                    ("characters", pa.int64()),
                    ("encoding", pa.string()),
                    ("row", pa.int64()),
                    ("column", pa.string()),
                ]
            ),
        ),
        (
            "entities",
            pa.list_(
                pa.struct(
                    [
                        ("start", pa.int64()),
                        ("end", pa.int64()),
                        ("label", pa.string()),
                        ("text", pa.string()),
                        ("score", pa.float64()),
                        (
                            "value",
                            pa.struct(
                                [
                                    ("number", pa.float64()),
                                    ("upper", pa.float64()),
                                    ("unit", pa.string()),
                                    ("sense", pa.string()),
                                ]
                            ),
                        ),
                    ]
                )
            ),
        ),
    ]
)


@contextmanager
def parquet_rows(path: Path) -> Iterator[Callable[[Article, Sequence[Entity]], None]]:
    """Yield a function that takes an article and its entities; ``path`` is whole when the block ends.

    Offsets count code points of ``text``, in which a lone surrogate, as UTF-8 has none, is U+FFFD.
    """
    rows: list[dict[str, Any]] = []
    characters = 0
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as file:

        def flush() -> None:
            nonlocal characters
            file.write_table(pa.Table.from_pylist(rows, SCHEMA))
            rows.clear()
            characters = 0

        def write(article: Article, entities: Sequence[Entity]) -> None:
            nonlocal characters
            value = {
                "id": article.id,
                "text": article.text,
                "source": article.source.to_json(),
                "entities": [entity.to_json() for entity in entities],
            }
            rows.append(_encodable(value))
            characters += len(article.text)
            if len(rows) >= _ROWS or characters >= _CHARACTERS:
                flush()

        yield write
        if rows:
            flush()


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else _SURROGATE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {key: _encodable(part) for key, part in value.items()}
    return [_encodable(part) for part in value] if isinstance(value, list) else value
