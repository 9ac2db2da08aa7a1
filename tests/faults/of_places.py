"""Faults of the machine: the disk, the folders, the config, limits, streams, the clock."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from faults.fault import Fault
from faults.stage import SOURCE, Outcome, Stage, small_disk

STEP = 64 << 10
PAGE = 4 << 10
NONE = {"compression": {"format": "none"}}
FULL = "[Nn]o space|bytes short|space"


def _disk(free: Callable[[int], int]) -> Callable[[Stage], Outcome]:
    """A backup folder on a file system with room for so many bytes; ``free`` gets the artifact's size."""

    def play(stage: Stage) -> Outcome:
        kept = next(
            path for path in stage.folder.iterdir() if f"_{SOURCE}." in path.name and path.suffix == ".gz"
        )
        beside = {path.name: path.read_bytes() for path in stage.folder.glob(f"{kept.name}*")}
        size = _measured(stage)
        room = sum(-(-len(content) // PAGE) * PAGE for content in beside.values())
        with small_disk(stage.folder, whole := room + 4 * size // PAGE * PAGE + STEP):
            for name, content in beside.items():
                (stage.folder / name).write_bytes(content)
            (stage.folder / "filler").write_bytes(bytes(max(0, whole - room - max(0, free(size)))))
            stage.configure(backup=NONE)
            stage.keep_earlier()
            outcome = stage.backup()
            changed, added = stage.changed(), stage.added()
        assert (changed, added) == ([], []), (changed, added, outcome)
        stage.keep_earlier()
        return outcome

    return play


def _measured(stage: Stage) -> int:
    """The bytes of a whole artifact."""
    other = stage.root / "measured"
    stage.configure(backup={**NONE, "directory": str(other)})
    outcome = stage.backup()
    assert outcome.code == 0, outcome
    size = next(path for path in other.iterdir() if path.suffix == ".sql").stat().st_size
    shutil.rmtree(other)
    return size


def _pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


def _read_only(stage: Stage) -> Outcome:
    subprocess.run(["mount", "--bind", str(stage.folder), str(stage.folder)], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(stage.folder)], check=True)
        return stage.backup()
    finally:
        subprocess.run(["umount", "--lazy", str(stage.folder)], check=True)


def _unmounted(stage: Stage) -> Outcome:
    """The file system goes away amid the dump."""
    place = stage.folder / "mounted"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "none", str(place)], check=True)
    try:
        return _elsewhere(
            stage, place, lambda _: subprocess.run(["umount", "--lazy", str(place)], check=True)
        )
    finally:
        subprocess.run(["umount", "--lazy", "--quiet", str(place)], check=False)


def _elsewhere(stage: Stage, place: Path, act: Callable[[Stage], object]) -> Outcome:
    return stage.amid(act, backup={"directory": str(place)})


def _removed(stage: Stage) -> Outcome:
    place = stage.root / "other"
    place.mkdir()
    outcome = _elsewhere(stage, place, lambda _: shutil.rmtree(place))
    assert not place.exists() or not list(place.iterdir()), outcome
    return outcome


def _moved(stage: Stage) -> Outcome:
    place = stage.root / "other"
    place.mkdir()

    def act(_: Stage) -> None:
        place.rename(stage.root / "moved")
        place.mkdir()

    outcome = _elsewhere(stage, place, act)
    assert not list(place.iterdir()), outcome
    return outcome


def _partial_removed(stage: Stage) -> Outcome:
    """Somebody tidies up the temporary file amid the dump."""

    def act(stage: Stage) -> None:
        for path in stage.folder.glob(".*partial*"):
            path.unlink()

    return stage.amid(act)


def _directory(make: Callable[[Path], object], name: str = "place") -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        make(stage.root)
        stage.configure(backup={"directory": str(stage.root / name)})
        return stage.backup()

    return play


def _config(text: str | bytes | None, mode: int = 0o600) -> Callable[[Stage], Outcome]:
    """A config file that holds this; None: that is not there."""

    def play(stage: Stage) -> Outcome:
        stage.config.unlink()
        if text is not None:
            stage.config.write_bytes(text if isinstance(text, bytes) else text.encode())
            stage.config.chmod(mode)
        return stage.backup()

    return play


def _config_folder(stage: Stage) -> Outcome:
    stage.config.unlink()
    stage.config.mkdir()
    return stage.backup()


def _config_vanished(stage: Stage) -> Outcome:
    """The folder that the program stands in is gone."""
    gone = stage.root / "gone"
    gone.mkdir()
    return stage.backup(preexec_fn=_in_removed(gone))


def _in_removed(folder: Path) -> Callable[[], None]:
    def enter() -> None:
        os.chdir(folder)
        folder.rmdir()

    return enter


def _password(source: object, *, mode: int = 0o600, content: str | None = None) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        given = source
        if content is not None:
            (stage.root / "password").write_text(content)
            (stage.root / "password").chmod(mode)
            given = {"file": str(stage.root / "password")}
        stage.configure(instance={"password": given})
        return stage.backup()

    return play


def _limited(what: int, much: int) -> Callable[[Stage], Outcome]:
    return lambda stage: stage.backup(limits={what: much})


def _temporary(make: Callable[[Path], object]) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        make(stage.temporary)
        return stage.backup()

    return play


def _temporary_full(stage: Stage) -> Outcome:
    with small_disk(stage.temporary, 2 * PAGE):
        (stage.temporary / "filler").write_bytes(bytes(2 * PAGE))
        outcome = stage.backup()
        assert stage.left_in_temporary() == [str(stage.temporary / "filler")], outcome
    return outcome


def _stream(name: str, path: str) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        with Path(path).open("w") as where:
            return stage.backup(**{name: where})

    return play


def _closed(*numbers: int) -> Callable[[Stage], Outcome]:
    def close() -> None:
        for number in numbers:
            os.close(number)

    return lambda stage: stage.backup(preexec_fn=close)


def _nobody_reads(stage: Stage) -> Outcome:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return stage.backup(stdout=writing)
    finally:
        os.close(writing)


def _taken(count: int) -> Callable[[Stage], Outcome]:
    """The names of this second and of those to come are taken."""

    def play(stage: Stage) -> Outcome:
        now = datetime.now().astimezone()
        for second in range(-2, count):
            moment = now + timedelta(seconds=second)
            name = f"{moment:%Y%m%d_%H%M%S}_{stage.server.dbms}_{SOURCE}.sql.gz"
            (stage.folder / name).write_bytes(b"somebody's")
        stage.keep_earlier()
        return stage.backup()

    return play


def _earlier(change: Callable[[Path], object]) -> Callable[[Stage], Outcome]:
    """What stands beside is spoilt before the run."""

    def play(stage: Stage) -> Outcome:
        for path in sorted(stage.folder.glob("*.gz")):
            change(path)
        stage.keep_earlier()
        return stage.backup()

    return play


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _clock(*told: str) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        folder = Path(__file__).parent / "clock"
        places = os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])
        return stage.backup(environment={"FAULTS_CLOCK": " ".join(told), "PYTHONPATH": places})

    return play


def _twice(*told: str) -> Callable[[Stage], Outcome]:
    def play(stage: Stage) -> Outcome:
        first = _clock(*told)(stage)
        assert first.code == 0, first
        stage.keep_earlier()
        return _clock(*told)(stage)

    return play


WHOLE = "the backup is whole; only what is said of it is lost"
LOOKED = "a backup does not look at earlier ones"
BROKEN = "config"

FAULTS = (
    *(
        Fault(f"the disk is full after {step * STEP >> 10} KiB", _disk(lambda _, step=step: step * STEP), 1, FULL, root=True)
        for step in range(11)
    ),
    Fault("the disk is full at the checksum", _disk(_pages), 1, FULL, root=True),
    Fault("the disk is full at the manifest", _disk(lambda size: _pages(size) + PAGE), 1, FULL, root=True),
    Fault("files may not grow so large (EFBIG)", _limited(resource.RLIMIT_FSIZE, 150_000), 1, "[Ff]ile too large"),
    Fault("the backup folder is read-only", _read_only, 1, "[Rr]ead-only", root=True),
    Fault("the backup folder is unmounted amid the dump", _unmounted, 1, "No such file", root=True),
    Fault("the backup folder is removed amid the dump", _removed, 1, "No such file|other"),
    Fault("the backup folder is moved away amid the dump", _moved, 1, "No such file|other"),
    Fault("the unfinished file is removed amid the dump", _partial_removed, 1, "No such file"),
    Fault("the backup folder is a file", _directory(lambda root: (root / "place").touch()), 1, "[Nn]ot a directory|no folder"),
    Fault("the backup folder's parent is a file", _directory(lambda root: (root / "place").touch(), "place/in"), 1, "[Nn]ot a directory"),
    Fault("the backup folder is a link to nowhere", _directory(lambda root: (root / "place").symlink_to("nowhere")), 1, "place"),
    Fault("the backup folder's name is too long", _directory(lambda root: None, "x" * 300), 1, "too long"),
    Fault("there is no config file", _config(None), 3, "config.yaml"),
    Fault("the config file is a folder", _config_folder, 3, "config.yaml"),
    Fault("the config is empty", _config(""), 3, BROKEN),
    Fault("the config is no YAML", _config("backup: [unclosed"), 3, BROKEN),
    Fault("the config is binary", _config(os.urandom(4096)), 3, BROKEN),
    Fault("the config has an unknown key", _config(json.dumps({"backup": {"directory": "x", "colour": 1}, "instances": [{"id": 1, "dbms": "mysql", "username": "u"}]})), 3, "colour"),
    Fault("the config lacks the instance", _config(json.dumps({"backup": {"directory": "x"}, "instances": [{"id": 2, "dbms": "mysql", "username": "u"}]})), (2, 3), "1"),
    Fault("the password's variable is not set", _password({"env": "NOWHERE_SET"}), 3, "NOWHERE_SET"),
    Fault("the password's file is not there", _password({"file": "/nowhere/password"}), 3, "/nowhere/password"),
    Fault("the password's file can be read by others", _password(None, mode=0o644, content="secret"), 3, "password"),
    Fault("the password's file is empty", _password(None, content=""), (3, 4), "password|denied"),
    Fault("the password's command fails", _password({"command": ["false"]}), 3, "false"),
    Fault("the password's command is not there", _password({"command": ["/nowhere/program"]}), 3, "/nowhere/program"),
    Fault("the working folder is gone", _config_vanished, 0, "", ends="done", why="every path of the config is absolute"),
    *(
        Fault(f"no more than {number} files may be open", _limited(resource.RLIMIT_NOFILE, number), 1, "[Tt]oo many open files")
        for number in (9, 12)
    ),
    Fault("there is little memory", _limited(resource.RLIMIT_AS, 160 << 20), (1, 4), "memory|allocate|thread"),
    Fault(
        "TMPDIR is full", _temporary_full, 0, "", ends="done", root=True,
        why="the next of the system's temporary folders is taken",
    ),
    Fault(
        "TMPDIR is not there", _temporary(lambda folder: folder.rmdir()), 0, "", ends="done",
        why="the next of the system's temporary folders is taken",
    ),
    Fault("stdout is full", _stream("stdout", "/dev/full"), 1, "", ends="done", why=WHOLE),
    Fault("stderr is full", _stream("stderr", "/dev/full"), 0, "", ends="done", why=WHOLE),
    Fault("stdout is closed", _closed(1), 0, "", ends="done", why=WHOLE),
    Fault("stdin, stdout and stderr are closed", _closed(0, 1, 2), 0, "", ends="done", why=WHOLE),
    Fault("nobody reads stdout (EPIPE)", _nobody_reads, 1, "", ends="done", why=WHOLE),
    Fault("the name is taken", _taken(20), 0, "", ends="done", why="the next free second is its name"),
    Fault("the names of minutes to come are taken", _taken(200), 1, "is there already"),
    Fault(
        "the manifests beside are spoilt", _earlier(lambda path: _beside(path, ".manifest.json").write_text('{"format"')), 0, "",
        ends="done", why=LOOKED,
    ),
    Fault("the checksums beside are spoilt", _earlier(lambda path: _beside(path, ".sha256").write_text("x")), 0, "", ends="done", why=LOOKED),
    Fault(
        "a link to nowhere stands beside", _earlier(lambda path: _beside(path, ".link").symlink_to("/nowhere")), 0, "",
        ends="done", why=LOOKED,
    ),
    Fault(
        "the clock goes back amid the run", _clock("2026-03-01T12:00:00+00:00", "2026-03-01T11:00:00+00:00"), 0, "",
        ends="done", why="the backup is named for its beginning",
    ),
    Fault(
        "the clock leaps ahead by years amid the run", _clock("2026-03-01T12:00:00+00:00", "2126-03-01T12:00:00+00:00"), 0, "",
        ends="done", why="time-outs do not follow the clock",
    ),
    Fault("the clock stands at 1970", _clock("1970-01-01T00:00:00+00:00"), 0, "", ends="done", why="the backup is whole; its name tells the clock's time"),
    Fault("the clock gives one time twice", _twice("2026-03-01T12:00:00+00:00"), 0, "", ends="done", why="the next free second is its name"),
)  # fmt: skip
