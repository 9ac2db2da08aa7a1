"""Why obstore could not read a file, in one line: its exceptions have the reason amid a dump of values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from obstore.exceptions import PermissionDeniedError, UnauthenticatedError

from python_backup.errors import ArtifactError, ArtifactMissing
from python_backup.storage.stores.place import Place

_SAID = re.compile(r"non-2xx status code: (?P<status>\d{3}[^:\n]*)")
_CODE = re.compile(r"<Code>([^<]{1,100})</Code>")
_MESSAGE = re.compile(r"<Message>([^<]{1,300})</Message>")
_DUMPED = "\n\nDebug source:"
_NO_KEYS = re.compile(r"169\.254\.\d+\.\d+|latest/api/token|/latest/meta-data")

_CHECK = "Check the URL, and whether this machine can reach the host."
_KEYS = (
    "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment;"
    ' `eval "$(aws configure export-credentials --format env)"` takes those of a profile.'
)
_GRANTS = "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; they need s3:GetObject and s3:ListBucket."
_EXPIRED = "AWS_SESSION_TOKEN may have expired, or AWS_REGION be another than the bucket's."
_LOGIN = "Name the host's login and password in ~/.netrc."


@dataclass(frozen=True, slots=True)
class _Reason:
    """Words of obstore's (a pattern), and what they mean; ``transient`` where it may pass.

    Without a message it is what the server said.
    """

    words: str
    message: str
    hint: str | None = None
    transient: bool = False


_REASONS = (
    _Reason("ConnectionRefused", "connection refused", _CHECK, transient=True),
    _Reason("dns error", "the host's name is not known", _CHECK, transient=True),
    _Reason("TimedOut", "no answer in time", _CHECK, transient=True),
    _Reason(
        "ConnectionReset|IncompleteMessage|IncompleteBody|kind: Interrupted",
        "the connection was cut",
        transient=True,
    ),
    _Reason("Unreachable", "the host cannot be reached", _CHECK, transient=True),
    _Reason(
        r"InvalidCertificate\(\s*Expired", "the host's certificate has expired", "Check this machine's clock."
    ),
    _Reason(r"InvalidCertificate\(\s*NotValidForName", "the host's certificate is for another name"),
    _Reason(
        "InvalidCertificate",
        "the host's certificate is not trusted",
        "Name the authority's certificate in the environment: SSL_CERT_FILE.",
    ),
    _Reason("InvalidContentType", "the host does not speak TLS there", "Check the port, or write http://."),
    _Reason(
        "non-partial response|Range request not supported",
        "the server does not give parts of files",
        "Copy the backup to this machine first.",
    ),
    _Reason(r"\AGeneric S3 [^\n]*status code: 400", "", _EXPIRED),
    _Reason("LOCATION", "the bucket is in another region", "Set AWS_REGION to the bucket's."),
)


def refusal(place: Place, exc: Exception) -> ArtifactError:
    """The error for what obstore raised when this file was read."""
    text = str(exc)
    if isinstance(exc, FileNotFoundError):
        return ArtifactMissing(f"{place} does not exist", hint=place.decoding_hint)
    if _NO_KEYS.search(text):
        return ArtifactError(f"{place} cannot be read: no keys for S3 were found", hint=_KEYS)
    if isinstance(exc, (PermissionDeniedError, UnauthenticatedError)):
        hint = _GRANTS if place.scheme == "s3" else _LOGIN
        return ArtifactError(f"{place} cannot be read: the store denies it: {_said(text)}", hint=hint)
    reason = next((reason for reason in _REASONS if re.search(reason.words, text)), None)
    if reason is None:
        return ArtifactError(f"{place} cannot be read: {_said(text)}", transient=_passing(text))
    return ArtifactError(
        f"{place} cannot be read: {reason.message or _said(text)}",
        hint=reason.hint,
        transient=reason.transient,
    )


def _said(text: str) -> str:
    """What the server answered, or else obstore's own first line."""
    parts = [pattern.search(text) for pattern in (_SAID, _CODE, _MESSAGE)]
    words = [" ".join(found[1].split()) for found in parts if found]
    return ", ".join(words) or text.partition(_DUMPED)[0].splitlines()[0][:300]


def _passing(text: str) -> bool:
    """Whether the server's own fault may be over soon."""
    status = _SAID.search(text)
    return status is not None and status["status"].startswith(("5", "408", "429"))
