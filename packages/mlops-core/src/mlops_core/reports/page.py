"""The frame of every page: the document, its policy, sections, tables and lists of facts."""

from __future__ import annotations

import base64
import hashlib
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_core.durable_files import sync_file
from mlops_core.errors import MlopsError
from mlops_core.reports.markup import Child, Markup, element, join
from mlops_core.reports.style import STYLE

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: its heading, and whether it holds numbers."""

    name: str
    numeric: bool = False


def page(title: str, *articles: Child) -> str:
    """One HTML document that needs nothing but itself.

    Its policy allows no script, no request and no style but the page's own sheet, named by its hash.

    Args:
        title: The document's title.
        *articles: What the page shows.
    """
    sheet = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{sheet}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(STYLE)),
    )
    return "<!doctype html>\n" + element("html", head, element("body", element("main", *articles)), lang="en") + "\n"


def write_report(path: str | os.PathLike[str], html: str) -> Path:
    """Write a page so that only a whole one ever stands under its name.

    Args:
        path: Where to; the folder is made.
        html: What a renderer gave.

    Returns:
        The path.

    Raises:
        MlopsError: The file cannot be written.
    """
    target, content = Path(path), html.encode("utf-8")
    unfinished: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, prefix=f".{target.name[:40]}.", delete=False) as file:
            unfinished = Path(file.name)
            file.write(content)
            file.flush()
            sync_file(file.fileno())
        unfinished.chmod(0o644)  # a temporary file is private; a report is made to be shown
        unfinished.replace(target)
    except OSError as exc:
        if unfinished is not None:
            with suppress(OSError):
                unfinished.unlink()
        hint = "choose another path, or make room and permission there"
        raise MlopsError("cannot write the report", where=str(target), why=exc.strerror or str(exc), hint=hint) from exc
    return target


def section(name: str, title: str, about: Child, *body: Child) -> Markup:
    """A section: its heading and a few words at the side, and the matter.

    Args:
        name: The anchor, unique in the page.
        title: The heading.
        about: Paragraphs that say how to read the matter.
        *body: The matter.
    """
    side = element("div", element("h2", title, id=f"{name}-title"), about, class_="about")
    return element("section", side, element("div", *body, class_="body"), id=name, aria_labelledby=f"{name}-title")


def paragraph(*children: Child, kind: str | None = None) -> Markup:
    """A paragraph, perhaps of a kind that the style sheet knows."""
    return element("p", *children, class_=kind)


def code(text: str) -> Markup:
    """A name that a machine gave or reads."""
    return element("code", text)


def facts(pairs: Iterable[tuple[str, Child]]) -> Markup:
    """A list of terms and what they are; a ``None`` is left out."""
    shown = [(term, what) for term, what in pairs if what is not None]
    return element("dl", [join(element("dt", term), element("dd", what)) for term, what in shown])


def table(
    caption: Child, columns: Sequence[Column], rows: Iterable[Sequence[Child]], *, chosen: frozenset[int] = frozenset()
) -> Markup:
    """A table whose first cell of each row is the row's heading.

    Args:
        caption: Stands above the table.
        columns: Headings; numbers are aligned to the right.
        rows: Cells by column.
        chosen: Numbers of the rows to stress, from 0.
    """
    kinds = ["n" if column.numeric else None for column in columns]
    head = [element("th", column.name, scope="col", class_=kind) for column, kind in zip(columns, kinds, strict=True)]
    body = [
        element(
            "tr",
            [
                element("td" if place else "th", cell, scope=None if place else "row", class_=kind)
                for place, (cell, kind) in enumerate(zip(cells, kinds, strict=True))
            ],
            class_="chosen" if index in chosen else None,
        )
        for index, cells in enumerate(rows)
    ]
    whole = element("table", element("caption", caption), element("thead", element("tr", head)), element("tbody", body))
    return element("div", whole, class_="scroll")


def more(summary: Child, *children: Child) -> Markup:
    """What most readers skip: folded, one click away."""
    return element("details", element("summary", summary), *children, class_="more")
