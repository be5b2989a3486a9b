"""What MLflow's page of a version shows of its record, to people; nothing is read back from it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mlops_core.ports.registration_values import Registration

LONGEST: Final = 5_000
"""Characters that MLflow keeps on every database."""
_MORE: Final = 100
"""Characters that are kept for what follows the table."""
_PLAIN: Final = re.compile(r"[\w.:/@+-]{1,255}")
"""What Markdown shows as it is between backticks."""


def description_of(asked: Registration) -> str:
    """The metrics as a table of Markdown, the commit and the run; ``""`` if there are none."""
    sources = [
        f"{what} `{value}`"
        for what, value in (("commit", asked.commit), ("run", asked.run))
        if value is not None and _PLAIN.fullmatch(value)
    ]
    origin = ", ".join(sources)
    parts = [_table(asked, LONGEST - _MORE - len(origin)), origin]
    return "\n\n".join(each for each in parts if each)


def _table(asked: Registration, most: int) -> str:
    if not asked.metrics:
        return ""
    table = "| metric | value |\n|---|---|"
    for number, (key, value) in enumerate(sorted(asked.metrics.items())):
        row = f"\n| `{key}` | {value!r} |"
        if len(table) + len(row) > most:
            return f"{table}\n\nand {len(asked.metrics) - number} more, in the tag `mlops.metrics`"
        table += row
    return table
