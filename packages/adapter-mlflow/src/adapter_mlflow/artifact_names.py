"""Paths of a run's files as MLflow can hold them.

MLflow decodes a path as if it were a part of an address, again and again until nothing changes, and cuts it at ``#``.
So four characters are written as ``~`` and their code, and everything else as it is: ``50%.txt`` becomes ``50~25.txt``.
"""

from __future__ import annotations

import re
from typing import Final

from mlops_core.errors import InvalidNameError

_CODES: Final = {each: f"~{ord(each):02X}" for each in "%#?;"}
_HEXADECIMAL: Final = "|".join(code[1:] for code in _CODES.values())
# A tilde is a code itself only where it would begin one otherwise: "notes~" stays as it is.
_CODED: Final = re.compile(f"~({_HEXADECIMAL}|7E(?=(?:7E)*(?:{_HEXADECIMAL})))")
_TO_CODE: Final = re.compile(f"[{''.join(_CODES)}]|{_CODED.pattern}")
_MAX_PART: Final = 255


def stored_name(path: str) -> str:
    """The path under which a file is stored.

    Raises:
        InvalidNameError: A part of it has more than 255 bytes once its odd characters are written as codes.
    """
    name = _TO_CODE.sub(lambda found: _CODES.get(found[0], "~7E" + found[0][1:]), path)
    if any(len(part.encode()) > _MAX_PART for part in name.split("/")):
        raise InvalidNameError(
            f"{path!r:.80} cannot be a run's file in MLflow",
            why=f"each of {' '.join(_CODES)} is stored as three characters, and a part has at most {_MAX_PART} bytes",
            hint="log it under a shorter path",
        )
    return name


def file_path(name: str) -> str:
    """The path of a file that is stored under a name; the reverse of :func:`stored_name`."""
    return _CODED.sub(lambda found: chr(int(found[1], 16)), name)
