"""One file of each kind, the same article in all: read, extracted from, and answered in the file's own text."""

import importlib
from pathlib import Path

import pytest

from bangfu.inference import Extractor, read
from bangfu.inference.characters import simplified

FOLDER = Path(__file__).parent / "samples"
NEEDS = {".html": "trafilatura", ".docx": "docx", ".pdf": "pypdfium2", ".parquet": "pyarrow"}
EXPECTED = {
    ("宁波市甬江商会", "ORG"),
    ("宁波市民政局", "ORG"),
    ("80万元", "AMOUNT"),
    ("1260余万元", "AMOUNT"),
    ("消费帮扶", "AID"),
}


def test_there_is_a_file_of_each_kind() -> None:
    kinds = {"".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix for path in FOLDER.iterdir()}
    assert kinds == {".txt", ".txt.gz", ".html", ".docx", ".pdf", ".jsonl", ".csv", ".parquet"}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_every_kind_gives_the_same_entities(extractor: Extractor, path: Path) -> None:
    if path.suffix in NEEDS:
        try:
            importlib.import_module(NEEDS[path.suffix])
        except ImportError:
            pytest.skip(f"needs the extra {path.suffix[1:]!r}")
    article = next(read(path))
    entities = extractor(article.text)
    assert all(article.text[entity.start : entity.end] == entity.text for entity in entities)
    # traditional characters stay in the answer, and a line end may stand in a name
    found = {(entity.text.translate(simplified()).replace("\n", ""), entity.label) for entity in entities}
    assert found >= EXPECTED
    assert article.source.characters == len(article.text) and article.source.file == str(path)
