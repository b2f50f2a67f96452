"""Hypothesis strategies for labelled documents."""

from hypothesis import strategies as st

from bangfu.labels import LABEL_NAMES, Document, Span

# what breaks naive readers: wide characters, line separators, quotes, backslashes, tabs, combining marks
ODD = "𠮷👩‍👧\u2028\x85\r\n\t \u3000\\\"#,B-'é́\ufeff\x00"
texts = st.text(st.one_of(st.sampled_from(ODD), st.characters(exclude_categories=["Cs"])), max_size=30)


@st.composite
def documents(draw: st.DrawFn, name: str = "a") -> Document:
    """A document with any text and spans that do not overlap."""
    text = draw(texts)
    edges = draw(st.lists(st.integers(0, len(text)), unique=True, max_size=8))
    edges.sort()
    pairs = list(zip(edges[::2], edges[1::2], strict=False))
    spans = tuple(Span(start, end, draw(st.sampled_from(LABEL_NAMES))) for start, end in pairs)
    return Document(name, text, spans)
