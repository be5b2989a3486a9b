"""Where a run's rows go: the names of files and columns, who may write them, and in which order they appear."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_core.errors import ScoringError
from mlops_core.scoring.handlers import ROW
from mlops_core.scoring.judging import HANDLER, IS_NULL, KEY, REASON
from mlops_core.scoring.model_handlers import MODEL
from mlops_core.scoring.parts import FolderParts, MemoryParts, held, write_whole

if TYPE_CHECKING:
    from collections.abc import Generator

    import polars as pl

    from mlops_core.ports.model_registry import PinnedVersion
    from mlops_core.scoring.parts import Parts

_COLUMNS: Final = frozenset({"row", "handler", "reason", "is_null", "prediction", "probability", MODEL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """The two destinations of a run; ``None`` is memory."""

    out: Path | None
    rejects: Path | None
    key: str | None

    @classmethod
    def checked(
        cls, *, out: str | Path | None, rejects: str | Path | None, key: str | None, source: Path | None
    ) -> Outputs:
        """The destinations, looked at before any work is done.

        Args:
            out: File for the scores.
            rejects: File for the rejected rows.
            key: The key's column.
            source: The input's path, where it has one.

        Raises:
            ScoringError: A file cannot be written there, or two of the three are one file; or the key is called like
                a column that the outputs have.
        """
        paths = {name: Path(path) for name, path in (("out", out), ("rejects", rejects)) if path is not None}
        for name, path in paths.items():
            _refuse_unwritable(name, path)
            if source is not None and source.resolve() in {path.resolve(), *path.resolve().parents}:
                raise ScoringError(f"{name} would overwrite the input", where=str(path), hint="choose another file")
        if len({path.resolve() for path in paths.values()}) < len(paths):
            raise ScoringError("out and rejects are the same file", where=str(out), hint="choose two files")
        if key in _COLUMNS:
            why = "the outputs have a column of that name beside the key"
            raise ScoringError(f"{key!r} cannot name a key", why=why, hint="rename the column")
        return cls(out=paths.get("out"), rejects=paths.get("rejects"), key=key)

    @contextmanager
    def held(self) -> Generator[None]:
        """Keep other runs away from the files.

        Raises:
            ScoringError: Another run writes one of them.
        """
        with ExitStack() as stack:
            for path in (self.out, self.rejects):
                if path is not None:
                    stack.enter_context(held(path))
            yield

    def parts(self, digest: str | None, *, batch_rows: int, rows: int) -> Parts:
        """Where finished batches are kept: in a folder beside the first file, or in memory without a file."""
        first = self.out or self.rejects
        if first is None:
            return MemoryParts()
        folder = first.with_name(f".{first.name}.parts")
        return FolderParts(folder, digest=digest, batch_rows=batch_rows, rows=rows)

    def write_rejects(self, outcomes: pl.LazyFrame) -> pl.DataFrame | None:
        """Write the rejected rows, or return them where they have no file.

        Raises:
            ScoringError: They could not be written.
        """
        import polars as pl

        row = pl.col(ROW).alias("row")
        named = [row] if self.key is None else [pl.col(KEY).alias(self.key), row]
        rejected = outcomes.filter(pl.col(REASON).is_not_null()).select(
            *named,
            pl.col(HANDLER).alias("handler"),
            pl.col(REASON).alias("reason"),
            pl.col(IS_NULL).alias("is_null"),
        )
        if self.rejects is None:
            return rejected.collect()
        write_whole(rejected, self.rejects)
        return None

    def write_scores(self, outcomes: pl.LazyFrame, *, model: PinnedVersion | None) -> pl.DataFrame | None:
        """Write the scored rows, or return them where they have no file.

        The file's footer says which package made them, under ``mlops.model`` and ``mlops.model_digest``.

        Raises:
            ScoringError: They could not be written.
        """
        import polars as pl

        scored = outcomes.filter(pl.col(REASON).is_null()).select(
            pl.col(KEY).alias(self.key or "row"), pl.exclude(ROW, KEY, HANDLER, REASON, IS_NULL)
        )
        if self.out is None:
            return scored.collect()
        footer: dict[str, str] = {}
        if model is not None:
            footer = {"mlops.model": f"{model.model}:{model.version}", "mlops.model_digest": model.digest}
        write_whole(scored, self.out, metadata=footer)
        return None


def _refuse_unwritable(name: str, path: Path) -> None:
    why, hint = "", "choose another file"
    if path.suffix != ".parquet":
        why, hint = "it is written as Parquet", f"call it {path.with_suffix('.parquet').name}"
    elif path.is_dir():
        why = "it is a folder"
    elif not path.parent.is_dir():
        why, hint = f"there is no folder {path.parent}", "make the folder first"
    if why:
        raise ScoringError(f"{name} cannot be written", where=str(path), why=why, hint=hint)
