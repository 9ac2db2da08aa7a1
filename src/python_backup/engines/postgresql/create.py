"""How a database like the dump's is made on a server that may lack its locale or its provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from python_backup.engines.postgresql.connection import literal

_OPTIONS = (
    ("encoding", b"ENCODING", 13),
    ("locale_provider", b"LOCALE_PROVIDER", 15),
    ("locale", b"LOCALE", 13),
    ("lc_collate", b"LC_COLLATE", 13),
    ("lc_ctype", b"LC_CTYPE", 13),
    ("icu_locale", b"ICU_LOCALE", 15),
    ("icu_rules", b"ICU_RULES", 16),
    ("builtin_locale", b"BUILTIN_LOCALE", 17),
)
"""The dump's words, the option's name, and the version that first knows it (CREATE DATABASE)."""

_PROVIDERS = {"libc": 13, "icu": 15, "builtin": 17}

_UTF8 = {"utf8", "unicode"}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What stands after TEMPLATE; ``replaced`` says what is not as in the dump, empty for nothing."""

    options: bytes
    replaced: str = ""


def attempts(properties: Mapping[str, str], major: int) -> Iterator[Attempt]:
    """The ways to make the database, the truest first; all have the dump's encoding.

    Without properties there is one: as template0 is.
    """
    known = {key for key, _, since in _OPTIONS if since <= major}
    provider = properties.get("locale_provider", "libc").lower()
    wanted = {key: value for key, value in properties.items() if key in known}
    if not wanted:
        yield Attempt(b"")
        return
    described = ", ".join(f"{key} {value}" for key, value in wanted.items() if key != "encoding")
    if _PROVIDERS.get(provider, major + 1) <= major:
        yield Attempt(_options(wanted))
    libc: dict[str, str] = {
        key: wanted[key] for key in ("encoding", "locale", "lc_collate", "lc_ctype") if key in wanted
    }
    if provider != "libc":
        libc |= {"lc_collate": properties.get("lc_collate", ""), "lc_ctype": properties.get("lc_ctype", "")}
        libc = {key: value for key, value in libc.items() if value and key != "locale"}
        if "lc_collate" in libc:
            yield Attempt(_options(libc), f"locale provider {provider} replaced by libc")
    encoding = {"encoding": wanted["encoding"]} if "encoding" in wanted else {}
    utf8 = encoding.get("encoding", "").lower().replace("-", "") in _UTF8
    for locale in (*(("C.UTF-8",) if utf8 else ()), "C"):
        yield Attempt(
            _options(encoding | {"lc_collate": locale, "lc_ctype": locale}),
            f"locale of the dump ({described}) replaced by {locale}",
        )


def _options(wanted: Mapping[str, str]) -> bytes:
    return b"".join(
        b" " + name + b" = " + literal(wanted[key].encode()) for key, name, _ in _OPTIONS if key in wanted
    )
