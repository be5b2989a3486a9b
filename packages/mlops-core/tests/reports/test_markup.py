from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mlops_core.reports.markup import Markup, element, escape, join


def test_text_is_escaped_and_markup_is_not() -> None:
    assert element("p", "<b>", Markup("<i></i>")) == "<p>&lt;b&gt;<i></i></p>"


def test_attributes_are_escaped() -> None:
    assert element("p", title='"><script>') == '<p title="&quot;&gt;&lt;script&gt;"></p>'


def test_what_is_joined_to_markup_is_escaped_again() -> None:
    # A text put together from markup is a text: nobody can smuggle markup in by a format string.
    assert escape(f"{element('b', 'x')}") == "&lt;b&gt;x&lt;/b&gt;"


@pytest.mark.parametrize(
    ("value", "spelled"),
    [(None, ""), (False, ""), (True, ' a=""'), (1.0, ' a="1"'), (2.345, ' a="2.35"'), (0, ' a="0"'), (100, ' a="100"')],
)
def test_attributes_by_kind_of_value(value: float | bool | None, spelled: str) -> None:
    assert element("p", a=value) == f"<p{spelled}></p>"


def test_attribute_names() -> None:
    assert element("p", class_="c", aria_label="l", viewBox="0 0 1 1") == (
        '<p class="c" aria-label="l" viewBox="0 0 1 1"></p>'
    )


def test_children_may_be_nested_and_missing() -> None:
    assert join("a", None, ["b", ["c", None]], (each for each in "de")) == "abcde"


@pytest.mark.parametrize("hidden", ["\x00", "\x1b", "\ud800", "\ufffe", "\u202e", "\u2066"])
def test_characters_that_cannot_be_shown_or_that_turn_text_around_are_replaced(hidden: str) -> None:
    assert escape(f"a{hidden}b") == "a\ufffdb"


@given(st.text(), st.text())
def test_any_text_makes_well_formed_markup_that_says_the_same(child: str, attribute: str) -> None:
    found = ET.fromstring(element("p", child, title=attribute))
    if re.fullmatch("[^\r\x00-\x08\x0b\x0c\x0e-\x1f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]*", child):
        assert (found.text or "") == child
    assert len(found) == 0
    assert list(found.attrib) == ["title"]
