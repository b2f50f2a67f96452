"""The labelling page of Label Studio: its configuration, made from the schema, and checked against it."""

from __future__ import annotations

from xml.etree import ElementTree

from bangfu.labels.schema import LABEL_NAMES, LABELS, ROLE_NAMES, ROLES
from bangfu.labels.user_error import UserError

# Names of the page's parts, which its results refer to.
LABEL, TEXT, NOTE = "label", "text", "note"

_COLOURS = {"ORG": "#2f7fd0", "LOC": "#3f9b3a", "AMOUNT": "#d98e00", "AID": "#b043a8"}


def configuration() -> str:
    """The page: four labels with colours and the hotkeys 1 to 4, the text, the roles of links, a note.

    A label is shown by its Chinese name and stored by its own (``alias``); a role is stored as it is shown.
    """
    view = ElementTree.Element("View")
    labels = ElementTree.SubElement(view, "Labels", name=LABEL, toName=TEXT)
    for number, label in enumerate(LABELS, 1):
        ElementTree.SubElement(
            labels,
            "Label",
            value=f"{label.chinese} {label.name}",
            alias=label.name,
            background=_COLOURS[label.name],
            hotkey=str(number),
            hint=label.definition,
        )
    # one character is the smallest choice, and line breaks are shown as they are
    ElementTree.SubElement(view, "Text", name=TEXT, value=f"${TEXT}", granularity="symbol", showLabels="true")
    roles = ElementTree.SubElement(view, "Relations")
    for role in ROLES:
        ElementTree.SubElement(roles, "Relation", value=shown_role(role.name))
    ElementTree.SubElement(view, "TextArea", name=NOTE, toName=TEXT, placeholder="备注", rows="2", maxSubmissions="1")
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode")


def shown_role(name: str) -> str:
    """A role as the page shows and stores it: its Chinese name, then its own."""
    return f"{ROLES[ROLE_NAMES.index(name)].chinese} {name}"


def check(config: str, where: str) -> None:
    """UserError where a page does not have our labels and our text; ``where`` says whose page it is.

    What else stands on it, colours and hotkeys are the user's own. Needs the extra 'label-studio'.
    """
    try:
        from label_studio_sdk.label_interface import LabelInterface
    except ImportError as error:
        raise ImportError("Label Studio needs its SDK: pip install 'bangfu[label-studio]'") from error

    mend = "give the name of a project that 'bangfu label-studio push' made, or a new one"
    try:
        page = LabelInterface(config)
        control, shown = page.get_control(LABEL), page.get_object(TEXT)
    except Exception as error:  # whatever the SDK makes of XML that is broken or holds other parts
        raise UserError(f"{where} is of another schema: no {LABEL!r} or no {TEXT!r} on its page; {mend}") from error
    if control.tag != "Labels" or list(control.to_name) != [TEXT] or shown.tag != "Text" or shown.value != f"${TEXT}":
        raise UserError(f"{where} is of another schema: its page does not label the text of ${TEXT}; {mend}")
    labels = set(control.labels)
    if labels != set(LABEL_NAMES):
        raise UserError(
            f"{where} is of another schema: its labels are {', '.join(sorted(labels))}, "
            f"ours {', '.join(LABEL_NAMES)}; {mend}"
        )
