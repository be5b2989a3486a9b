from __future__ import annotations

import base64
import dataclasses
import hashlib
import math
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from mlops_core.errors import MlopsError
from mlops_core.reports import render_report, render_scoring, render_training, write_report
from mlops_core.reports.documents import (
    Baseline,
    CalibrationBin,
    Candidate,
    Part,
    ScoreBin,
    ScoringDocument,
    Step,
    TrainingDocument,
)
from mlops_core.signature import FeatureColumn, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_core.json_values import JsonValue

HOSTILE = "</style><script>alert('x')</script><img src=x onerror=\"alert(1)\">&<!-- {{7*7}}"
ALLOWED_ELEMENTS = {
    "html", "head", "meta", "title", "style", "body", "main", "nav", "article", "header", "section", "div", "span", "p",
    "h1", "h2", "h3", "a", "strong", "code", "dl", "dt", "dd", "ul", "li", "details", "summary", "figure", "figcaption",
    "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "rect", "line", "circle", "path", "text", "wbr",
}  # fmt: skip


def parsed(html: str) -> ET.Element:
    """The page as XML, which is stricter than what any browser asks for."""
    doctype, _, rest = html.partition("\n")
    assert doctype == "<!doctype html>"
    return ET.fromstring(rest)


def text_of(html: str) -> str:
    """What a reader sees, with plain spaces."""
    html = html.replace("<wbr/>", "")
    body = parsed(html).find("body")
    assert body is not None
    return re.sub(r"\s+", " ", " ".join(body.itertext()))


def hostile(value: JsonValue) -> JsonValue:
    """The same value with every text and every name replaced by an attack."""
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return HOSTILE
        return value
    return value


def poisoned(fields: Mapping[str, JsonValue], keep: Sequence[str]) -> dict[str, JsonValue]:
    def walk(value: JsonValue) -> JsonValue:
        if isinstance(value, dict):
            return {key: walk(each) for key, each in value.items()}
        if isinstance(value, list):
            return [walk(each) for each in value]
        return hostile(value)

    return {key: each if key in keep else walk(each) for key, each in fields.items()}


@pytest.fixture
def pages(training: TrainingDocument, scoring: ScoringDocument) -> list[str]:
    return [render_training(training), render_scoring(scoring), render_report(training, scoring)]


# Safety


def test_a_page_is_well_formed_and_made_of_harmless_elements(pages: list[str]) -> None:
    for html in pages:
        assert {each.tag for each in parsed(html).iter()} <= ALLOWED_ELEMENTS


def test_a_page_needs_nothing_from_elsewhere(pages: list[str]) -> None:
    for html in pages:
        assert not re.search(r"https?://|url\(|@import|//cdn|\bsrc=", html)
        links = [each.get("href", "") for each in parsed(html).iter("a")]
        assert all(link.startswith("#") for link in links)


def test_the_policy_allows_the_pages_own_style_sheet_and_nothing_else(pages: list[str]) -> None:
    for html in pages:
        page = parsed(html)
        [policy] = [each for each in page.iter("meta") if each.get("http-equiv") == "Content-Security-Policy"]
        [sheet] = page.iter("style")
        digest = base64.b64encode(hashlib.sha256((sheet.text or "").encode()).digest()).decode()
        assert policy.get("content") == (
            f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
        )


def test_no_element_has_a_style_or_a_handler_of_its_own(pages: list[str]) -> None:
    for html in pages:
        names = {name for each in parsed(html).iter() for name in each.attrib}
        assert not {name for name in names if name == "style" or name.startswith("on")}


def test_markup_in_any_text_of_a_training_document_is_shown_as_text(training: TrainingDocument) -> None:
    fields = poisoned(training.to_json(), keep=("kind", "metrics", "metric"))
    html = render_training(TrainingDocument.from_json(fields))
    assert "<script" not in html
    assert "<img" not in html
    assert {each.tag for each in parsed(html).iter()} <= ALLOWED_ELEMENTS
    assert HOSTILE in " ".join(parsed(html).itertext())


def test_markup_in_any_text_of_a_scoring_document_is_shown_as_text(scoring: ScoringDocument) -> None:
    html = render_scoring(ScoringDocument.from_json(poisoned(scoring.to_json(), keep=("kind",))))
    assert "<script" not in html
    assert {each.tag for each in parsed(html).iter()} <= ALLOWED_ELEMENTS


@pytest.mark.parametrize(
    "change",
    [
        {"model": HOSTILE},
        {"tags": {HOSTILE: HOSTILE}},
        {"metric": HOSTILE, "metrics": {"test": {HOSTILE: 1.0}}},
        {"signature": Signature(features=(FeatureColumn(name=HOSTILE, dtype=HOSTILE, feature=HOSTILE),))},
        {"candidates": (Candidate(name="x", score=0, parameters={HOSTILE: HOSTILE}),)},
    ],
    ids=["model", "tag", "metric", "column", "parameter"],
)
def test_markup_in_a_name_is_shown_as_text(training: TrainingDocument, change: dict[str, Any]) -> None:
    html = render_training(dataclasses.replace(training, **change))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    parsed(html)


# What the pages say


def test_the_training_page_begins_with_its_result(training: TrainingDocument) -> None:
    said = text_of(render_training(training))
    assert "Of the 5,478 flights ranked highest, 62 % turned out late; of all 54,780, 23 %" in said
    assert "ROC AUC is 0.771 on the 54,780 flights of the test part (2013-11-01 to 2013-12-31)" in said
    assert "against 0.571 for carrier and 0.500 for base rate" in said


def test_without_a_ranking_the_score_is_the_result(training: TrainingDocument) -> None:
    page = parsed(render_training(dataclasses.replace(training, top=(), calibration=())))
    [title] = page.iter("h1")
    assert (title.text or "").startswith("ROC AUC is 0.771 on the 54,780 flights")


def test_the_best_of_a_metric_is_bold_also_where_less_is_better(training: TrainingDocument) -> None:
    strong = [each.text for each in parsed(render_training(training)).iter("strong")]
    assert "0.771" in strong
    assert "0.455" in strong
    assert "0.543" not in strong


def test_features_stand_under_their_source_with_rule_type_and_version(training: TrainingDocument) -> None:
    said = text_of(render_training(training))
    assert re.search(r"weather 1 column last row, at most 6h .* wind_gusts float64 v1 0\.020", said)
    assert "reads wind_gusts" in said


def test_dropped_rows_are_said(training: TrainingDocument) -> None:
    assert re.search(r"Left out Reason Rows the label is null 9,430", text_of(render_training(training)))


def test_the_scoring_page_begins_with_its_result(scoring: ScoringDocument) -> None:
    said = text_of(render_scoring(scoring))
    assert "Of 28,135 flights, 27,617 were scored and 1.8 % were not" in said
    assert "\u201cweather is fresh\u201d (check) rejected most: 312, 60 % of all that were rejected." in said
    assert "At most 20 % may be rejected." in said


def test_a_run_with_too_many_rejects_says_that_no_scores_were_written(scoring: ScoringDocument) -> None:
    failed = dataclasses.replace(scoring, passed=False, max_reject_rate=0.01, out=None)
    said = text_of(render_scoring(failed))
    assert "No scores were written: 1.8 % of 28,135 flights were rejected" in said
    assert "This run went over" in said
    assert "Scores not written" in said


def test_every_row_is_accounted_for_on_the_scoring_page(scoring: ScoringDocument) -> None:
    said = text_of(render_scoring(scoring))
    for shown in ("flights in 28,135", "\u221225", "\u2212181", "\u2212312", "scored 27,617"):
        assert shown in said


def test_one_page_holds_both(training: TrainingDocument, scoring: ScoringDocument) -> None:
    page = parsed(render_report(training, scoring))
    ids = [each.get("id") for each in page.iter() if each.get("id")]
    assert len(ids) == len(set(ids))
    assert [each.get("href") for each in page.iter("a")] == ["#training", "#scoring"]
    assert {"training", "scoring"} <= set(ids)


def test_one_document_alone_is_its_own_page(training: TrainingDocument, scoring: ScoringDocument) -> None:
    assert render_report(training, None) == render_training(training)
    assert render_report(None, scoring) == render_scoring(scoring)
    with pytest.raises(ValueError, match="needs a training document"):
        render_report(None, None)


def test_pictures_are_described_or_repeat_what_stands_beside_them(pages: list[str]) -> None:
    for html in pages:
        page = parsed(html)
        inner = {id(each) for outer in page.iter("svg") for each in outer.iter("svg") if each is not outer}
        for picture in page.iter("svg"):
            if id(picture) not in inner:
                assert picture.get("aria-hidden") == "true" or (
                    picture.get("role") == "img" and picture.get("aria-label")
                )


def test_tables_name_their_columns_and_rows(pages: list[str]) -> None:
    for html in pages:
        for found in parsed(html).iter("table"):
            assert all(each.get("scope") in {"col", "row"} for each in found.iter("th"))
            assert len(list(found.iter("th"))) > 0


# Odd documents


def odd_trainings(usual: TrainingDocument) -> dict[str, TrainingDocument]:
    features = tuple(
        FeatureColumn(name=f"column_{n}", dtype="float64", feature=f"column_{n}", source="wide") for n in range(60)
    )
    long = "x" * 500
    return {
        "nothing at all": TrainingDocument(
            model="m",
            version=0,
            digest="",
            backend="",
            created_at=usual.created_at,
            label="",
            parts=(),
            metric="",
            metrics={},
            signature=Signature(features=()),
        ),
        "no rows": dataclasses.replace(usual, parts=(Part(name="test", rows=0, positive_rate=math.nan),)),
        "no metric": dataclasses.replace(usual, metrics={}, baselines=()),
        "NaN metrics": dataclasses.replace(
            usual,
            metrics={"test": {"roc_auc": math.nan, "log_loss": math.inf}},
            baselines=(Baseline(name="b", metrics={"test": {"roc_auc": math.nan}}),),
        ),
        "one bin": dataclasses.replace(usual, calibration=(CalibrationBin(predicted=0, observed=0, rows=0),)),
        "NaN bin": dataclasses.replace(usual, calibration=(CalibrationBin(predicted=math.nan, observed=1, rows=1),)),
        "60 features": dataclasses.replace(usual, signature=Signature(features=features)),
        "long names": dataclasses.replace(usual, model=long, label=long, noun=long, aliases=(long,) * 9),
        "a number is predicted": dataclasses.replace(
            usual, top=(), calibration=(), timelines=(), parts=(Part(name="test", rows=10),)
        ),
    }


def odd_scorings(usual: ScoringDocument) -> dict[str, ScoringDocument]:
    reasons = tuple(Step(handler="check", reason=f"reason {n}", rejected=n, nulls=n) for n in range(12))
    return {
        "no rows": dataclasses.replace(usual, rows=0, scored=0, steps=(), bins=(), finished=usual.started),
        "no rejects": dataclasses.replace(usual, scored=28_135, steps=()),
        "all rejected": dataclasses.replace(
            usual, rows=9, scored=0, steps=(Step(handler="h", reason="r", rejected=9),), bins=(), passed=False
        ),
        "12 reasons": dataclasses.replace(usual, rows=166, scored=100, steps=reasons),
        "one bin": dataclasses.replace(usual, bins=(ScoreBin(lower=0.5, upper=0.5, rows=1),)),
        "no rate, no files": dataclasses.replace(usual, max_reject_rate=None, out=None, rejects=None, key=None),
        "long names": dataclasses.replace(usual, reference="x" * 500, input="y" * 5_000, noun="z" * 500),
    }


def test_odd_training_documents_make_whole_pages(training: TrainingDocument) -> None:
    for name, document in odd_trainings(training).items():
        html = render_training(document)
        parsed(html)
        assert not re.search(r'="[^"]*\b(nan|inf)\b[^"]*%?"', html), name  # a coordinate that no browser can draw


def test_odd_scoring_documents_make_whole_pages(scoring: ScoringDocument) -> None:
    for name, document in odd_scorings(scoring).items():
        html = render_scoring(document)
        parsed(html)
        assert not re.search(r'="[^"]*\b(nan|inf)\b[^"]*%?"', html), name


def test_all_of_60_features_are_there_but_folded(training: TrainingDocument) -> None:
    html = render_training(odd_trainings(training)["60 features"])
    [group] = [each for each in parsed(html).iter("details") if each.get("class") == "group"]
    assert group.get("open") is None
    assert {f"column_{n}" for n in range(60)} <= {"".join(each.itertext()) for each in group.iter("code")}


def test_no_rows_are_said_in_words(scoring: ScoringDocument) -> None:
    assert "There were no flights to score" in text_of(render_scoring(odd_scorings(scoring)["no rows"]))
    assert "All 28,135 flights were scored" in text_of(render_scoring(odd_scorings(scoring)["no rejects"]))


def test_the_same_document_makes_the_same_page(training: TrainingDocument, scoring: ScoringDocument) -> None:
    again = TrainingDocument.from_json(training.to_json())
    assert render_report(training, scoring) == render_report(again, scoring)


# Writing


def test_a_report_is_written_whole_into_a_new_folder(tmp_path: Path) -> None:
    path = write_report(tmp_path / "out" / "report.html", "<p>\u00e9</p>\n")
    assert path.read_bytes() == b"<p>\xc3\xa9</p>\n"
    assert [each.name for each in path.parent.iterdir()] == ["report.html"]


def test_a_report_that_cannot_be_encoded_leaves_the_old_one(tmp_path: Path) -> None:
    path = write_report(tmp_path / "report.html", "old")
    with pytest.raises(UnicodeEncodeError):
        write_report(path, "\ud800")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    assert path.read_text() == "old"


def test_a_place_that_cannot_be_written_is_an_error_in_four_parts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(MlopsError, match="cannot write the report") as caught:
        write_report(tmp_path / "file" / "report.html", "x")
    error = caught.value
    assert str(tmp_path) in error.where
    assert error.why
    assert error.hint


def test_a_folder_in_the_way_leaves_no_unfinished_file(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(MlopsError, match="cannot write the report"):
        write_report(tmp_path / "report.html", "x")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
