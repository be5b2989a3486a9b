from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.errors import InvalidNameError
from mlops_core.naming import (
    MAX_TAG_VALUE,
    ModelRef,
    check_alias,
    check_experiment_name,
    check_model_name,
    check_tags,
    check_text,
    check_version,
)

MODEL_NAMES = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", fullmatch=True)
ALIASES = st.from_regex(r"[a-z][a-z0-9_-]{0,62}", fullmatch=True)

BAD_NAMES = [
    "", ".", "..", "a/../b", "a..b", "/abs", "C:\\x", "%2e%2e", "a\0b", "a\nb", "a\r\nb", "\u202eabc", "x" * 64, "x" * 10_000,
    "🙂", "é", "e\u0301", "Race", "Fraud Model", " a", "a ", "-a", "a-", ".a", "a.", "con", "nul.txt", "com1", "lpt9.x", "a@b", "a:1",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_outside_the_grammar_is_refused_with_the_rule_quoted(name: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        check_model_name(name)
    assert caught.value.why
    assert caught.value.hint
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("name", ["a", "late-flight", "x" * 63, "0", "v1.2_b", "console", "com10"])
def test_a_name_inside_the_grammar_is_accepted(name: str) -> None:
    check_model_name(name)


@given(st.text())
def test_what_is_suggested_for_a_bad_name_is_a_good_one(name: str) -> None:
    try:
        check_model_name(name)
    except InvalidNameError as exc:
        if exc.hint.startswith("try "):
            check_model_name(exc.hint.removeprefix("try ").strip("'"))


@pytest.mark.parametrize(
    "alias", ["", "latest", "v1", "v007", "1", "12", "Champion", "a b", "a@b", "a" * 64, "1a", "-a", "é", "a\n"]
)
def test_an_alias_that_reads_like_a_version_or_breaks_the_grammar_is_refused(alias: str) -> None:
    with pytest.raises(InvalidNameError):
        check_alias(alias)


@pytest.mark.parametrize("alias", ["champion", "v", "vx1", "latest-good", "a" * 63])
def test_an_alias_inside_the_grammar_is_accepted(alias: str) -> None:
    check_alias(alias)


@pytest.mark.parametrize(
    "tags",
    [
        {"": "x"}, {"Team": "x"}, {"mlops.digest": "x"}, {"mlflow.user": "x"}, {"a" * 65: "x"}, {"1a": "x"}, {"a b": "x"},
        {"team": "x" * (MAX_TAG_VALUE + 1)}, {"team": 3}, {"team": b"x"}, {"team": ["x"]}, {"team": None}, {3: "x"},
    ],
)  # fmt: skip
def test_a_tag_outside_the_grammar_is_refused(tags: dict[str, object]) -> None:
    with pytest.raises(InvalidNameError):
        check_tags(tags)


def test_tags_inside_the_grammar_are_accepted() -> None:
    check_tags({"team": "x" * MAX_TAG_VALUE, "a.b-c_d": "", "mlopsy": "x"})
    check_tags({"gone": None, "team": "x"}, removing=True)


@pytest.mark.parametrize("version", [True, False, -1, 1.0, "1", None])
def test_a_version_is_an_integer_from_0_on(version: object) -> None:
    check_version(0)
    check_version(10**12)
    with pytest.raises(InvalidNameError) as caught:
        check_version(version)
    assert repr(version) in caught.value.why
    assert caught.value.hint


@given(MODEL_NAMES, st.integers(0, 10**12), ALIASES)
def test_a_reference_reads_back_as_it_was_written(model: str, version: int, alias: str) -> None:
    for ref in (ModelRef(model), ModelRef(model, version=version)):
        assert ModelRef.parse(str(ref)) == ref
    if alias != "latest":
        assert ModelRef.parse(f"{model}@{alias}") == ModelRef(model, alias=alias)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fraud Model", ModelRef("Fraud Model")),
        ("Fraud Model:3", ModelRef("Fraud Model", version=3)),
        ("team@home@champion", ModelRef("team@home", alias="champion")),
        ("a:b", ModelRef("a:b")),
        ("a:b:7", ModelRef("a:b", version=7)),
        ("a:²", ModelRef("a:²")),
    ],
)
def test_what_reads_takes_any_name_verbatim(text: str, expected: ModelRef) -> None:
    assert ModelRef.parse(text) == expected


@pytest.mark.parametrize("text", ["", "@", "a@", "@champion", "a:", "churn@latest"])
def test_what_names_no_version_is_refused(text: str) -> None:
    with pytest.raises(InvalidNameError) as caught:
        ModelRef.parse(text)
    assert caught.value.why


def test_text_that_no_backend_can_store_is_refused() -> None:
    with pytest.raises(InvalidNameError, match="lone surrogate"):
        check_tags({"note": "\ud800"})
    with pytest.raises(InvalidNameError, match="lone surrogate"):
        check_text("the run", "\udfff")


@pytest.mark.parametrize("name", [None, 3, b"churn", ["churn"]])
def test_what_is_no_text_is_no_name(name: str) -> None:
    for check in (check_model_name, check_alias, check_experiment_name):
        with pytest.raises(InvalidNameError, match="is text"):
            check(name)


def test_nul_is_refused_wherever_text_is_stored() -> None:
    # PostgreSQL cannot keep it: refused everywhere, or a copy to another backend would fail half way.
    with pytest.raises(InvalidNameError, match="NUL"):
        check_tags({"team": "a\0b"})
    with pytest.raises(InvalidNameError, match="NUL"):
        check_text("the run", "\0")
