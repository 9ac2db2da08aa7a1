"""Reads along the tokens of one statement: is the next word this one, what is the next name."""

from __future__ import annotations

from dataclasses import dataclass, field

from python_backup.dump.postgresql.tokens import Kind, Token, string_value, tokens

_END = Token(Kind.SIGN, b"", -1)


@dataclass(slots=True)
class Cursor:
    """A place in a statement. Tokens are made only as far as they are asked for."""

    sql: bytes
    standard: bool = True
    codec: str = "utf-8"
    at: int = 0
    _seen: list[Token] = field(default_factory=list)
    _done: bool = False
    _next: int = 0

    def peek(self, ahead: int = 0) -> Token:
        """The token so many places ahead; an empty sign after the last one."""
        wanted = self.at + ahead
        if wanted >= len(self._seen) and not self._done:
            self._read(wanted)
        return self._seen[wanted] if wanted < len(self._seen) else _END

    def take(self) -> Token:
        """The next token, stepped over."""
        token = self.peek()
        self.at += 1
        return token

    @property
    def ended(self) -> bool:
        """Whether no token is left."""
        return self.peek().start < 0

    def sees(self, *words: str) -> bool:
        """Whether these words come next; each may list choices, parted by ``|``."""
        return all(self.peek(n).word in w.split("|") for n, w in enumerate(words))

    def accept(self, *words: str) -> bool:
        """Steps over these words, if they come next."""
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def accept_sign(self, sign: bytes) -> bool:
        """Steps over this sign, if it comes next."""
        token = self.peek()
        if token.kind is not Kind.SIGN or token.text != sign:
            return False
        self.at += 1
        return True

    def name(self) -> tuple[str, ...]:
        """A dotted name, stepped over: its parts; none if no name comes next."""
        parts: list[str] = []
        while self.peek().names:
            parts.append(self.take().name(self.codec))
            if not (self.peek().text == b"." and self.peek(1).names):
                break
            self.at += 1
        return tuple(parts)

    def string(self) -> str | None:
        """The value of a string, stepped over; None if no string comes next."""
        token = self.peek()
        if token.kind is not Kind.STRING:
            return None
        self.at += 1
        text = token.text
        if not self.standard and text[:1] == b"'":
            text = b"E" + text
        return string_value(text).decode(self.codec, "surrogateescape")

    def skip_parentheses(self) -> bool:
        """Steps over a balanced ``( … )``, if one comes next."""
        if self.peek().text != b"(" or self.peek().kind is not Kind.SIGN:
            return False
        depth = 0
        while not self.ended:
            token = self.take()
            if token.kind is Kind.SIGN:
                depth += (token.text == b"(") - (token.text == b")")
                if depth == 0:
                    break
        return True

    def skip_to(self, *words: str) -> bool:
        """Steps to just before one of these words outside parentheses; False at the end."""
        while not self.ended:
            if self.peek().word in words:
                return True
            if not self.skip_parentheses():
                self.at += 1
        return False

    def _read(self, wanted: int) -> None:
        source = tokens(self.sql, self._next, standard=self.standard)
        for token in source:
            self._seen.append(token)
            self._next = token.end
            if len(self._seen) > wanted + _AHEAD:
                return
        self._done = True


_AHEAD = 8
