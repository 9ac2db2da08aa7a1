from __future__ import annotations

import pytest

from python_backup.engines.postgresql.create import Attempt, attempts


def test_without_properties_the_database_is_as_template0():
    assert list(attempts({}, 18)) == [Attempt(b"")]


def test_the_dumps_words_come_first_and_c_last():
    properties = {"encoding": "UTF8", "locale": "de_DE.UTF-8"}
    options = [attempt.options for attempt in attempts(properties, 15)]
    assert options == [
        b" ENCODING = 'UTF8' LOCALE = 'de_DE.UTF-8'",
        b" ENCODING = 'UTF8' LC_COLLATE = 'C.UTF-8' LC_CTYPE = 'C.UTF-8'",
        b" ENCODING = 'UTF8' LC_COLLATE = 'C' LC_CTYPE = 'C'",
    ]


def test_only_the_first_attempt_is_without_a_warning():
    said = [attempt.replaced for attempt in attempts({"encoding": "LATIN1", "locale": "de_DE"}, 15)]
    assert said == ["", "locale of the dump (locale de_DE) replaced by C"]


@pytest.mark.parametrize(
    ("major", "first"),
    [
        (13, b" ENCODING = 'UTF8' LC_COLLATE = 'en' LC_CTYPE = 'en'"),
        (
            15,
            b" ENCODING = 'UTF8' LOCALE_PROVIDER = 'icu' LC_COLLATE = 'en' LC_CTYPE = 'en' ICU_LOCALE = 'und'",
        ),
        (
            16,
            b" ENCODING = 'UTF8' LOCALE_PROVIDER = 'icu' LC_COLLATE = 'en' LC_CTYPE = 'en' ICU_LOCALE = 'und' ICU_RULES = '&a < b'",
        ),
    ],
)
def test_a_server_is_told_only_what_it_knows(major, first):
    properties = {
        "encoding": "UTF8", "locale_provider": "icu", "lc_collate": "en", "lc_ctype": "en", "icu_locale": "und",
        "icu_rules": "&a < b",
    }  # fmt: skip
    assert next(iter(attempts(properties, major))).options == first


def test_words_are_quoted():
    assert next(iter(attempts({"locale": "a'b\\c"}, 18))).options == b" LOCALE =  E'a''b\\\\c'"
