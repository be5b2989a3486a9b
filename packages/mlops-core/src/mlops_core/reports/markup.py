"""HTML and SVG elements that are escaped and well-formed by construction."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable

Child: TypeAlias = "str | Iterable[Child] | None"
_VOID: Final = frozenset({"meta", "wbr"})
# What XML 1.0 cannot hold, and the invisible marks that turn the reading order around: a name in a report must not
# be able to hide or reorder the text beside it.
_UNPRINTABLE: Final = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)


class Markup(str):
    """Text that is markup already; every other text is escaped where it becomes a child or an attribute."""

    __slots__ = ()


def escape(text: str) -> Markup:
    """The text as it may stand between tags and inside a quoted attribute; markup stays as it is."""
    return text if isinstance(text, Markup) else Markup(html.escape(_UNPRINTABLE.sub("\ufffd", text)))


def join(*children: Child) -> Markup:
    """Children one after the other; ``None`` is nothing."""
    return Markup("".join(_parts(children)))


def breakable(name: str) -> Markup:
    """A name that may be broken after its underscores, and is copied without the breaks."""
    head, *rest = name.split("_")
    return join(head, [join("_", element("wbr"), each) for each in rest])


def element(name: str, /, *children: Child, **attributes: str | float | bool | None) -> Markup:
    """One element.

    Args:
        name: The tag.
        *children: Texts (escaped), markup (as it is), iterables of both, or ``None``.
        **attributes: By name; ``class_`` is ``class`` and ``aria_label`` is ``aria-label``. ``None`` and ``False``
            leave the attribute out, ``True`` sets it; numbers are rounded to two digits.
    """
    opened = name + "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{opened}/>")
    return Markup(f"<{opened}>{join(*children)}</{name}>")


def _attribute(key: str, value: str | float | None) -> str:
    if value is None or value is False:
        return ""
    if value is True:
        value = ""
    text = value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
    return f' {key.rstrip("_").replace("_", "-")}="{escape(text)}"'


def _parts(children: Iterable[Child]) -> Iterable[str]:
    for child in children:
        if isinstance(child, str):
            yield escape(child)
        elif child is not None:
            yield from _parts(child)
