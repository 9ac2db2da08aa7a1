r"""What the client program takes for itself: its commands' words, and MariaDB's sandbox line.

Source: client/mysql.cc of MySQL 9.7 and MariaDB 11.8. A short command (``\!``) is any letter behind a
backslash; the lexer finds these by itself.
"""

from __future__ import annotations

import re

_WORDS = frozenset(
    b"? charset clear connect delimiter edit ego exit go help nopager notee nowarning pager print prompt"
    b" query_attributes quit rehash resetconnection sandbox source ssl_session_data_print status system"
    b" tee use warnings".split()
)
WORD = re.compile(rb"[A-Za-z_?]++")
"""A command's word, if it is one."""
SANDBOX = re.compile(rb"/\*M?!999999\\-[^*\n]*\*/[ \t]*+\r?\n?")
"""``/*M!999999\\- enable the sandbox mode */`` with the rest of its line."""
SANDBOX_BEGINS = (b"/*!999999\\-", b"/*M!999999\\-")


def is_command(word: bytes) -> bool:
    """Whether the client takes a statement that begins with this word, in lower case, for a command."""
    return word in _WORDS
