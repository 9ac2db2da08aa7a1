"""Secrets in all the shapes that a text may give them."""

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest

from python_backup.engines.mysql.dump import _value
from python_backup.engines.postgresql.dump import _passfile
from python_backup.instance import Secret
from python_backup.log.scrub import MASK, Scrubber

AWKWARD = (
    "'quoted'",
    '"double"',
    "a#b c",
    "back\\slash",
    "100%s$x",
    "ünï日🔑",
    "--password=x",
    "a:b@c/d",
    "a'b\"c\\d",
)


def scrubber(*values: str) -> Scrubber:
    secrets = [Secret(lambda value=value: value) for value in values]
    for secret in secrets:
        secret.reveal()
    return Scrubber(secrets)


@pytest.mark.parametrize("secret", AWKWARD)
def test_no_form_of_a_secret_stays(secret: str) -> None:
    data = secret.encode()
    shapes = (
        secret, repr(secret), repr(data), ascii(secret), json.dumps(secret), quote(secret), quote(secret, safe=""),
        quote_plus(secret), b64encode(data).decode(), urlsafe_b64encode(data).decode().rstrip("="), data.hex(),
        secret.replace("'", "''"), _value(secret), _passfile(secret).decode(), str(KeyError(secret)),
    )  # fmt: skip
    for shape in shapes:
        cleaned = scrubber(secret).clean(f"said: {shape}.")
        assert MASK in cleaned, shape
        assert secret not in cleaned
        assert shape not in cleaned


def test_a_secret_within_another_does_not_leave_its_rest() -> None:
    assert scrubber("word", "password1").clean("password1 word") == f"{MASK} {MASK}"


def test_what_was_not_revealed_is_not_known() -> None:
    asked: list[str] = []

    def fetch() -> str:
        asked.append("fetched")
        return "secret"

    assert Scrubber([Secret(fetch)]).clean("secret") == "secret"
    assert asked == []


def test_a_secret_of_three_letters_does_not_tear_every_line() -> None:
    assert scrubber("ing").clean("string") == "string"


def test_a_password_that_changed_between_two_uses_is_taken_out_in_both_shapes() -> None:
    values = iter(["first1", "second2"])
    secret = Secret(lambda: next(values))
    known = Scrubber([secret])
    secret.reveal()
    assert known.clean("first1") == MASK
    secret.reveal()
    assert known.clean("first1 second2") == f"{MASK} {MASK}"
