"""The page about a trained version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_core.reports.comparison import comparison
from mlops_core.reports.features_table import feature_groups
from mlops_core.reports.markup import Markup, breakable, element, join
from mlops_core.reports.page import Column, code, facts, page, paragraph, section, table
from mlops_core.reports.probabilities import probabilities
from mlops_core.reports.timeline_chart import timeline_figures
from mlops_core.reports.wording import count, day, listing, metric_name, moment, number, percent, period, plural, value

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_core.reports.documents import TrainingDocument

_HEADLINE_SHARE: Final = 0.1  # "the top tenth" is said more easily than any other share


def render_training(document: TrainingDocument) -> str:
    """The page about one trained version: one HTML file that needs nothing else.

    Args:
        document: What training says about the version.
    """
    return page(f"{document.model}, version {document.version}", training_article(document))


def training_article(document: TrainingDocument) -> Markup:
    """The version as an article, for a page of its own or beside another."""
    return element(
        "article",
        _header(document),
        comparison(document),
        probabilities(document),
        _timelines(document),
        _features(document),
        _rows(document),
        _candidates(document),
        _identity(document),
        id="training",
    )


def _header(document: TrainingDocument) -> Markup:
    kicker = join(
        "Training \u00b7 ",
        element("strong", document.model),
        f" \u00b7 version {document.version} in {document.backend}",
        f" \u00b7 {listing(document.aliases)}" if document.aliases else None,
    )
    result, second = _result(document), _score_sentence(document)
    meaning = f"\u201c{document.label}\u201d means that {document.label_meaning}." if document.label_meaning else ""
    return element(
        "header",
        paragraph(kicker, kind="kicker"),
        element("h1", result or second),
        paragraph(f"{second} {meaning}" if result else meaning, kind="lead") if result or meaning else None,
    )


def _result(document: TrainingDocument) -> str:
    """What the ranking is worth, in one sentence; empty when there is no ranking."""
    part = document.reported
    if part is None or part.positive_rate is None or not document.top:
        return ""
    top = min(document.top, key=lambda each: abs(each.share - _HEADLINE_SHARE))
    noun = document.noun
    return (
        f"Of the {count(top.rows)} {noun} ranked highest, {percent(top.precision, 0)} turned out {document.label}; "
        f"of all {count(part.rows)}, {percent(part.positive_rate, 0)}"
    )


def _score_sentence(document: TrainingDocument) -> str:
    part = document.reported
    if part is None:
        return f"{document.model} was trained on no rows"
    name = metric_name(document.metric)
    mine = document.metrics.get(part.name, {}).get(document.metric)
    if mine is None:
        return f"{name} was not measured on {part.name}."
    others = [
        f"{number(found)} for {baseline.name}"
        for baseline in document.baselines
        if (found := baseline.metrics.get(part.name, {}).get(document.metric)) is not None
    ]
    against = f", against {listing(others)}" if others else ""
    when = f" ({period(part.since, part.until)})" if part.since is not None and part.until is not None else ""
    rows = f"{count(part.rows)} {document.noun} of the {part.name} part{when}"
    return f"{name} is {number(mine)} on the {rows}{against}."


def _timelines(document: TrainingDocument) -> Markup | None:
    if not document.timelines:
        return None
    about = (
        paragraph("One picture for a row. A feature may see what lies before the moment and within its rule."),
        paragraph("Events after the moment are in the data too. To use one would be leakage: it had not happened yet."),
        paragraph("The axis of time is stretched near the moment."),
    )
    return section(
        "timelines", "What the features could see", about, timeline_figures(document.timelines, document.label)
    )


def _features(document: TrainingDocument) -> Markup:
    signature = document.signature
    importances = {each.name: each.value for each in document.importances}
    about = [
        paragraph(
            f"{plural(len(signature.features), 'column', 'columns')}, by source, with the rows that each may use."
        )
    ]
    if importances and document.importance_of:
        about.append(paragraph(f"Importance: {document.importance_of}."))
    if signature.at is not None:
        known = ", and only what had been recorded by then" if signature.known_at else ""
        about.append(paragraph("Computed as of ", code(signature.at), f"{known}."))
    return section("features", "The features", about, feature_groups(signature, importances))


def _rows(document: TrainingDocument) -> Markup:
    columns = [
        Column("Part"),
        Column("From"),
        Column("Until"),
        Column("Rows", numeric=True),
        Column(f"{document.label}", numeric=True),
    ]
    rows = [
        (
            part.name,
            _day(part.since),
            _day(part.until),
            count(part.rows),
            "\u2013" if part.positive_rate is None else percent(part.positive_rate),
        )
        for part in document.parts
    ]
    dropped = [(each.reason, count(each.rows)) for each in document.dropped]
    left_out = table("Left out", [Column("Reason"), Column("Rows", numeric=True)], dropped) if dropped else None
    about = paragraph(
        "Split by time: the model learns from the past, is chosen on what follows, and is judged on what comes last."
    )
    return section("rows", "The rows", about, table("Parts", columns, rows), left_out)


def _day(at: datetime | None) -> Markup | str:
    """The day, with the whole moment for who points at it."""
    return "\u2013" if at is None else element("span", day(at), title=moment(at), class_="day")


def _candidates(document: TrainingDocument) -> Markup | None:
    if not document.candidates:
        return None
    columns = [
        Column("Estimator"),
        Column("Parameters"),
        Column(metric_name(document.metric), numeric=True),
        Column("Fit", numeric=True),
    ]
    rows = [
        (
            join(breakable(each.name), element("span", " chosen", class_="soft") if each.chosen else None),
            element(
                "span",
                ", ".join(f"{name} = {value(found)}" for name, found in each.parameters.items()) or "defaults",
                class_="mono",
            ),
            number(each.score),
            "\u2013" if each.seconds is None else f"{each.seconds:.1f}\u202fs",
        )
        for each in document.candidates
    ]
    chosen = frozenset(place for place, each in enumerate(document.candidates) if each.chosen)
    about = paragraph("Fitted on the first part and compared on the part that follows it, never on the last.")
    return section("candidates", "What was tried", about, table("Candidates", columns, rows, chosen=chosen))


def _identity(document: TrainingDocument) -> Markup:
    return section(
        "identity",
        "Where it is",
        paragraph("The digest names the content: equal digests are equal models, in any registry."),
        facts(
            [
                ("Model", f"{document.model}, version {document.version}"),
                ("Package", code(document.digest)),
                ("Dataset", code(document.dataset_digest) if document.dataset_digest else None),
                ("Backend", document.backend),
                ("Aliases", listing(document.aliases) or None),
                ("Registered", moment(document.created_at)),
                ("Run", code(document.run) if document.run else None),
                ("Commit", code(document.commit) if document.commit else None),
                *((f"Tag {key}", each) for key, each in sorted(document.tags.items())),
            ]
        ),
    )
