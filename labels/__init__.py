"""What is recognised: the label schema, documents with spans and links, and labelled files."""

from bangfu.labels.defect import Defect, LabelledDataError
from bangfu.labels.document import Document, Link, Span
from bangfu.labels.labelled_file import read
from bangfu.labels.schema import LABEL_NAMES, LABELS, ROLES, SCHEMA_VERSION, TAGS

__all__ = [
    "LABELS",
    "LABEL_NAMES",
    "ROLES",
    "SCHEMA_VERSION",
    "TAGS",
    "Defect",
    "Document",
    "LabelledDataError",
    "Link",
    "Span",
    "read",
]
