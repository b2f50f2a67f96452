"""Parquet, by pyarrow, of the extra ``parquet``: a row an article, the text in one of its columns."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from bangfu.inference.column import check_once, guessed_column, id_column, named_column, own_id
from bangfu.inference.input_error import InputError, reason
from bangfu.inference.record import Record

try:
    import pyarrow as pa
    import pyarrow.parquet as pq
except ImportError as error:
    raise ImportError("Parquet files need pyarrow: pip install 'bangfu[parquet]'") from error

_SAMPLE = 20  # rows by which the text column is guessed
_BATCH = 64  # rows held at a time


def records(stream: IO[bytes], where: str, column: str | None) -> Iterator[Record]:
    """Yield the text of each row, empty for a null.

    Raises InputError when the file is broken or has no column of text.
    """
    try:
        file = pq.ParquetFile(stream if stream.seekable() else io.BytesIO(stream.read()))
        names = [field.name for field in file.schema_arrow]
        texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
        named = named_column(texts, column, names, where)
        text = guessed_column(_sample(file, texts), names, where) if named is None else named
        key = id_column(names)
        check_once(names, (text, key), where)
        number = 0
        for batch in file.iter_batches(_BATCH, columns=[text] if key is None else [text, key]):
            ids = batch[key].to_pylist() if key is not None else [None] * len(batch)
            for cell, name in zip(batch[text].to_pylist(), ids, strict=True):
                number += 1
                yield Record(number, text, cell or "", _id(name))
    except InputError:
        raise
    except Exception as error:  # what a parser raises on a broken file is not bounded
        raise InputError(f"broken Parquet ({reason(error)}); write the file anew", where) from error


def _sample(file: Any, texts: list[str]) -> dict[str, list[str]]:
    """Some cells of each column of text, none of those whose name is there twice."""
    single = [name for name, number in Counter(field.name for field in file.schema_arrow).items() if number == 1]
    batch = next(file.iter_batches(_SAMPLE, columns=[name for name in texts if name in single]), None)
    cells: dict[str, list[str]] = {name: [] for name in texts}
    return cells | {
        name: [cell or "" for cell in batch[name].to_pylist()] for name in texts if batch and name in single
    }


def _id(value: object) -> str | None:
    # bytes are text where they can be; times, lists and records name nothing
    if isinstance(value, bytes):
        try:
            value = value.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, Decimal | UUID):
        value = str(value)
    return own_id(value) if isinstance(value, str | int | float | None) else None


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
