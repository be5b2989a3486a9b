"""The page about a scoring run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_core.reports.charts import histogram
from mlops_core.reports.markup import Markup, element
from mlops_core.reports.page import code, facts, page, paragraph, section
from mlops_core.reports.waterfall import waterfall
from mlops_core.reports.wording import count, limit, moment, percent, plural, ratio, span

if TYPE_CHECKING:
    from mlops_core.reports.documents import ScoringDocument


def render_scoring(document: ScoringDocument) -> str:
    """The page about one scoring run: one HTML file that needs nothing else.

    Args:
        document: What the run says about itself.
    """
    return page(f"Scoring with {document.reference}", scoring_article(document))


def scoring_article(document: ScoringDocument) -> Markup:
    """The run as an article, for a page of its own or beside another."""
    return element("article", _header(document), _rejections(document), _scores(document), _run(document), id="scoring")


def _header(document: ScoringDocument) -> Markup:
    kicker = paragraph(
        "Scoring \u00b7 ", element("strong", document.reference), f" \u00b7 version {document.version}", kind="kicker"
    )
    return element("header", kicker, element("h1", _result(document)), paragraph(_second(document), kind="lead"))


def _result(document: ScoringDocument) -> str:
    noun, rejected = document.noun, percent(ratio(document.rejected, document.rows))
    if not document.rows:
        return f"There were no {noun} to score"
    if not document.passed:
        return f"No scores were written: {rejected} of {count(document.rows)} {noun} were rejected"
    if not document.rejected:
        return f"All {count(document.rows)} {noun} were scored"
    return f"Of {count(document.rows)} {noun}, {count(document.scored)} were scored and {rejected} were not"


def _second(document: ScoringDocument) -> str:
    allowed = document.max_reject_rate
    worst = max(document.steps, key=lambda step: step.rejected, default=None)
    words: list[str] = []
    if worst is not None and worst.rejected:
        share = percent(ratio(worst.rejected, document.rejected), 0)
        words.append(
            f"\u201c{worst.reason}\u201d ({worst.handler}) rejected most: {count(worst.rejected)}, "
            f"{share} of all that were rejected."
        )
    if allowed is not None:
        verdict = "" if document.passed else " This run went over, so the scores were withheld."
        words.append(f"At most {limit(allowed)} may be rejected.{verdict}")
    return " ".join(words)


def _rejections(document: ScoringDocument) -> Markup:
    about = (
        paragraph("Checks run in this order; each sees only what those before it accepted."),
        paragraph("Every row in ends once: scored, or rejected for one reason. Open a reason to see rows."),
    )
    return section("rejections", "From rows in to rows scored", about, waterfall(document))


def _scores(document: ScoringDocument) -> Markup | None:
    if not document.bins:
        return None
    total = sum(each.rows for each in document.bins)
    about = paragraph("How often each ", code(document.score), " was given.")
    caption = element("figcaption", f"{plural(total, 'score', 'scores')} by ", code(document.score))
    return section("scores", "The scores", about, element("figure", caption, histogram(document.bins)))


def _run(document: ScoringDocument) -> Markup:
    took = document.finished - document.started
    seconds = took.total_seconds()
    rate = f" ({count(round(document.rows / seconds))} rows a second)" if seconds > 0 and document.rows else ""
    resumed = plural(document.resumed_parts, "part", "parts") + " taken over from a run that was stopped"
    return section(
        "run",
        "The run",
        paragraph("What went in, what came out, and with which model."),
        facts(
            [
                ("Model", f"{document.model}, version {document.version}"),
                ("Package", code(document.digest)),
                ("Input", code(document.input)),
                ("Key", code(document.key) if document.key is not None else "the row's number"),
                ("Scores", _place(document.out, written=document.passed)),
                ("Rejected rows", _place(document.rejects, written=True)),
                ("Started", moment(document.started)),
                ("Took", span(took) + rate),
                ("Resumed", resumed if document.resumed_parts else None),
            ]
        ),
    )


def _place(path: str | None, *, written: bool) -> Markup | str:
    if not written:
        return element("span", "not written", class_="bad")
    return "kept in memory" if path is None else code(path)
