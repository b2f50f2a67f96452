"""The label schema: what is recognised, and the tags a model gives to tokens."""

from __future__ import annotations

from dataclasses import dataclass

# Raised when a label, a role or the order of the tags changes; a model of another version is refused.
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Label:
    """One kind of entity: its name in data, its Chinese name, and what it means in a line."""

    name: str
    chinese: str
    definition: str


@dataclass(frozen=True)
class Role:
    """One kind of link: which labels it may start from (``heads``) and lead to (``tails``)."""

    name: str
    chinese: str
    definition: str
    heads: tuple[str, ...]
    tails: tuple[str, ...]


LABELS = (
    Label("ORG", "机构", "a named organisation: body, association, foundation, company, school, hospital, medium"),
    Label("LOC", "地点", "a named place: country, administrative unit, region, mountain, river, site"),
    Label(
        "AMOUNT",
        "数量",
        "a number with its unit: money, goods, people, cases, area, length, weight, buildings",
    ),
    Label("AID", "帮扶类型", "the shortest phrase that says what kind of help is given"),
)
LABEL_NAMES = tuple(label.name for label in LABELS)

ROLES = (
    Role("giver", "提供方", "who gives, funds, sends or carries out", ("AMOUNT", "AID"), ("ORG", "LOC")),
    Role("receiver", "接受方", "who gets it, or where it takes effect", ("AMOUNT", "AID"), ("ORG", "LOC")),
    Role("aid", "帮扶类型", "the kind of help that an amount pays for or counts", ("AMOUNT",), ("AID",)),
)
ROLE_NAMES = tuple(role.name for role in ROLES)


def tags_of(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The fixed order of a model's outputs: O, then B and I of each label in order."""
    return ("O", *(f"{prefix}-{name}" for name in labels for prefix in "BI"))


TAGS = tags_of(LABEL_NAMES)
TAG_IDS = {tag: number for number, tag in enumerate(TAGS)}
