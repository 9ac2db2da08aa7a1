"""Faults of the server and of the way to it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from faults.fault import Fault
from faults.proxy import Proxy, proxy
from faults.stage import BALLAST, SOURCE, Outcome, Stage
from support import databases

CANNOT = "refused|cannot connect|could not connect|Can't connect|no answer|timed? ?out|closed|[Ll]ost|gone"
LOST = r"closed|[Ll]ost|gone|terminat|reset|broken|EOF|ended|signal|SSL|communication|error"
TIMES_OUT = {"timeout": 3}
IDLES = {"idle_timeout": 3}


def _stopped(stage: Stage) -> Outcome:
    stage.victim.crash()
    return stage.backup()


def _killed_amid(stage: Stage) -> Outcome:
    return stage.amid(lambda stage: stage.victim.crash())


def _restarted_amid(stage: Stage) -> Outcome:
    def restart(stage: Stage) -> None:
        stage.victim.crash()
        stage.victim.start()

    return stage.amid(restart)


def _sessions_ended_amid(stage: Stage) -> Outcome:
    return stage.amid(lambda stage: stage.victim.cut())


def _tree(root: int) -> list[int]:
    """The process and all that came of it."""
    parents: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            words = stat.read_text(errors="replace").rpartition(")")[2].split()
            parents.setdefault(int(words[1]), []).append(int(stat.parent.name))
    found, left = [], [root]
    while left:
        found.append(one := left.pop())
        left += parents.get(one, [])
    return found


@contextmanager
def _frozen(stage: Stage) -> Iterator[None]:
    stopped = _tree(stage.victim._child.pid)
    for number in stopped:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGSTOP)
    try:
        yield
    finally:
        for number in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGCONT)


def _frozen_before(stage: Stage) -> Outcome:
    with _frozen(stage):
        return stage.backup()


def _frozen_amid(stage: Stage) -> Outcome:
    with contextlib.ExitStack() as stack:
        return stage.amid(lambda stage: stack.enter_context(_frozen(stage)), backup=TIMES_OUT)


def _through(
    database: str = BALLAST, backup: dict | None = None, patience: float = 60, **told
) -> Callable[[Stage], Outcome]:
    """A backup through a proxy that goes wrong."""

    def play(stage: Stage) -> Outcome:
        with proxy((stage.server.host, stage.server.port), **told) as one:
            stage.configure(instance={"port": one.port}, backup=backup or {})
            return stage.backup(database, patience=patience)

    return play


def _tools_elsewhere(stage: Stage) -> Outcome:
    """The driver reaches the server, the tool does not."""
    path = os.pathsep.join(filter(None, (stage.server.bin, os.environ.get("PATH"))))
    stage.configure(instance={"tools": {"command": ["env", f"PATH={path}"], "host": "127.0.0.1", "port": 1}})
    return stage.backup()


def _address(**instance: object) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        stage.configure(instance=instance)
        return stage.backup()

    return play


def _no_socket(stage: Stage) -> Outcome:
    stage.configure(instance={"socket": "/nowhere/socket", "host": None, "port": None})
    written = json.loads(stage.config.read_text())
    one = written["instances"][0]
    del one["host"], one["port"]
    stage.config.write_text(json.dumps(written))
    return stage.backup()


def _speaks(said: bytes | None) -> Callable[[Stage], Outcome]:
    """Something else listens at the port; it says this, or nothing."""

    def play(stage: Stage) -> Outcome:
        held: list[socket.socket] = []
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def answer() -> None:
                with suppress(OSError):
                    while True:
                        held.append(listener.accept()[0])
                        if said is not None:
                            held[-1].sendall(said)
                            held.pop().close()

            threading.Thread(target=answer, daemon=True).start()
            stage.configure(instance={"port": listener.getsockname()[1]})
            outcome = stage.backup()
            listener.shutdown(socket.SHUT_RDWR)
        for one in held:
            one.close()
        return outcome

    return play


LOCKS = {
    "postgresql": ("BEGIN", "LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"),
    "mysql": ("LOCK TABLES {table} WRITE",),
}


def _locked(
    table: str, *, statements: dict[str, tuple[str, ...]] = LOCKS, **backup
) -> Callable[[Stage], Outcome]:
    """Another session holds a lock while the backup runs."""

    def play(stage: Stage) -> Outcome:
        stage.configure(backup=backup)
        with closing(databases.connection(stage.server, SOURCE)) as link, link.cursor() as cursor:
            for statement in statements[stage.family]:
                cursor.execute(statement.format(table=table))
            return stage.backup()

    return play


def _meanwhile(*statements: str) -> Callable[[Stage], Outcome]:
    """DDL by another session amid a dump; the database is made anew afterwards."""

    def play(stage: Stage) -> Outcome:
        def act(stage: Stage) -> None:
            changing = threading.Thread(target=_run, args=(stage, statements), daemon=True)
            changing.start()
            changing.join(1.5)  # PostgreSQL lets DDL wait for the dump

        try:
            return stage.amid(act)
        finally:
            _renew(stage)

    return play


def _run(stage: Stage, statements: tuple[str, ...]) -> None:
    with suppress(Exception):
        databases.execute(stage.server, None if "DATABASE" in statements[0] else BALLAST, *statements)


def _renew(stage: Stage) -> None:
    from faults.stage import fill_ballast

    end = time.monotonic() + 20
    while not stage.victim.alone() and time.monotonic() < end:
        time.sleep(0.05)
    databases.drop(stage.server, BALLAST)
    fill_ballast(stage.server)


def _crowd(count: int) -> Callable[[Stage], Outcome]:
    """So many runs at once: each is done or refused, and what is in the folder is whole."""

    def play(stage: Stage) -> Outcome:
        begun = time.monotonic()
        children = [stage.begin("backup", "--database", SOURCE) for _ in range(count)]
        outcomes = [stage.ended(child, begun, 300) for child in children]
        good = [one for one in outcomes if one.code == 0]
        bad = [one for one in outcomes if one.code not in {0, 8}]
        assert good, outcomes[0]
        assert not bad, bad[0]
        new = stage.published()
        assert len(new) == len(good), (len(new), len(good))
        for one in new:
            assert one.manifest is not None, one
        refused = [one for one in outcomes if one.code == 8]
        return refused[0] if refused else good[0]

    return play


DROP = {
    "postgresql": f"DROP DATABASE {BALLAST} WITH (FORCE)",
    "mysql": f"DROP DATABASE {BALLAST}",
}


def _dropped(stage: Stage) -> Outcome:
    return _meanwhile(DROP[stage.family])(stage)


def _cut(proxy: Proxy) -> None:
    proxy.cut()


def _freeze(proxy: Proxy) -> None:
    proxy.freeze()


CUTS = (0, 300, 2_000, 6_000, 20_000, 1_000_000, 20_000_000)
ANY = (1, 4)
FTWRL = {"mysql": ("FLUSH TABLES WITH READ LOCK",)}

FAULTS = (
    Fault("the server is not running", _stopped, 4, CANNOT),
    Fault("the server is killed amid the dump", _killed_amid, ANY, LOST),
    Fault("the server is restarted amid the dump", _restarted_amid, ANY, LOST),
    Fault("every session is ended amid the dump", _sessions_ended_amid, ANY, LOST),
    Fault("the server is frozen before the run", _frozen_before, 4, CANNOT),
    Fault("the server is frozen amid the dump", _frozen_amid, ANY, "within 3 s"),
    *(
        Fault(f"the connection is cut after {size:,} bytes", _through(after=size, act=_cut), ANY, LOST)
        for size in CUTS
    ),
    Fault("the network falls silent before the login", _through(after=0, act=_freeze), 4, CANNOT),
    *(
        Fault(
            f"the network falls silent after {size:,} bytes", _through(after=size, act=_freeze, backup=IDLES, patience=150), ANY,
            "no answer for 3 s|idle_timeout|cannot connect|handshake",
        )
        for size in (300, 2_000, 6_000, 20_000)
    ),
    Fault(
        "the network falls silent amid the dump: idle_timeout", _through(after=9_000_000, act=_freeze, backup=IDLES), ANY,
        "wrote nothing for 3 s",
    ),
    Fault(
        "the network falls silent amid the dump", _through(after=9_000_000, act=_freeze, backup=TIMES_OUT), ANY,
        "within 3 s",
    ),
    Fault("only the tool cannot reach the server", _tools_elsewhere, ANY, CANNOT),
    Fault("the host's name is unknown", _address(host="nowhere.invalid"), 4, "nowhere.invalid"),
    Fault("nobody listens at the port", _address(port=1), 4, CANNOT),
    Fault("the socket is not there", _no_socket, 4, "/nowhere/socket"),
    Fault("something else listens: it speaks HTTP", _speaks(b"HTTP/1.1 400 Bad Request\r\n\r\n"), 4, "."),
    Fault("something else listens: it hangs up", _speaks(b""), 4, LOST),
    Fault("something else listens: it is silent", _speaks(None), 4, CANNOT),
    Fault(
        "the server's certificate is not that of a known authority",
        _address(tls={"mode": "verify-full"}), 4, "certificate|SSL|TLS",
    ),
    Fault("the password is wrong", _address(password="wrong"), 4, "password|denied|authentication"),
    Fault("the account is unknown", _address(username="nobody_at_all"), 4, "nobody_at_all"),
    Fault("there is no such database", lambda stage: stage.backup("nowhere"), 2, "nowhere"),
    Fault("a table is locked", _locked("zebra", timeout=3), ANY, "lock|within 3 s"),
    Fault("the first table is locked", _locked("customer", timeout=3), ANY, "lock|within 3 s"),
    Fault(
        "FLUSH TABLES WITH READ LOCK is held", _locked("", statements=FTWRL, timeout=10), 0, "", ends="done",
        why="reading goes on under it", families=("mysql",),
    ),
    Fault(
        "a table is altered amid the dump", _meanwhile("ALTER TABLE later ADD COLUMN more int, ALGORITHM=COPY"), (1, 7),
        "1412|changed|field count", families=("mysql",),
    ),
    Fault(
        "a table is altered amid the dump", _meanwhile("ALTER TABLE later ADD COLUMN more int"), 0, "", ends="done",
        why="DDL waits for the dump's locks", families=("postgresql",),
    ),
    Fault("a table is dropped amid the dump", _meanwhile("DROP TABLE later"), (1, 7), "later", families=("mysql",)),
    Fault("the database is dropped amid the dump", _dropped, (1, 2, 4, 7), "."),
    Fault("two runs at once", _crowd(2), (0, 8), "", ends="done", why="one after the other, or refused"),
    Fault("fifty runs at once", _crowd(50), (0, 8), "", ends="done", why="one after the other, or refused"),
)  # fmt: skip
