"""What tests share."""

from pathlib import Path

import pytest

from bangfu.inference import Extractor
from bangfu.labels import Document, read

SAMPLE = Path(__file__).parent / "samples" / "article.txt"
SHARED = Path(__file__).parents[2] / "shared"
GOLD = SHARED / "gold" / "seeds.jsonl"


@pytest.fixture(scope="session")
def extractor() -> Extractor:
    """The shipped model on onnxruntime."""
    return Extractor.load(device="cpu")


@pytest.fixture(scope="session")
def article() -> str:
    """The sample article."""
    return SAMPLE.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def gold() -> list[Document]:
    """Real articles with double-checked spans, which the project may not hand on."""
    if not GOLD.exists():
        pytest.skip(f"the labelled real articles are not at {GOLD}")
    return read(GOLD)
