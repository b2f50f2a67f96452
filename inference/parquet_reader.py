"""Parquet, by pyarrow, of the extra ``parquet``: a row an article, the text in one of its columns."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterator
from typing import IO, Any

from bangfu.inference.column import check_once, id_column, text_column
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
        twice = {name for name, number in Counter(names).items() if number > 1}
        single = [name for name in texts if name not in twice]
        sample = next(file.iter_batches(_SAMPLE, columns=single), None)
        cells: dict[str, list[str]] = {name: [] for name in texts}
        cells |= {name: [cell or "" for cell in sample[name].to_pylist()] for name in single if sample}
        text, key = text_column(cells, column, names, where), id_column(names)
        check_once(names, (text, key), where)
        number = 0
        for batch in file.iter_batches(_BATCH, columns=[text] if key is None else [text, key]):
            ids = batch[key].to_pylist() if key is not None else [None] * len(batch)
            for cell, name in zip(batch[text].to_pylist(), ids, strict=True):
                number += 1
                yield Record(number, text, cell or "", None if name is None else str(name))
    except InputError:
        raise
    except Exception as error:  # what a parser raises on a broken file is not bounded
        raise InputError(f"broken Parquet ({reason(error)}); write the file anew", where) from error


def _is_text(kind: Any) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))
