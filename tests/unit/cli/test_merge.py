"""vya-backupdb restore --merge and the choice of parts, with made-up jobs."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from python_backup.dump.changes import Changes
from python_backup.dump.pick import Pick
from python_backup.engines.merged import Merged
from python_backup.jobs import merge as job
from python_backup.jobs import restore
from python_backup.jobs.merge import MergeReport, MergeRequest
from python_backup.jobs.restore import RestoreRequest
from support.results import FACTS, WEB

MERGED = (
    Merged("orders", 1200, 30, 0),
    Merged("users", 5, 0, 7, ("sequence users_id_seq was set forward to 12",)),
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[MergeRequest]:
    requests: list[MergeRequest] = []

    def merge(request: MergeRequest, _: object) -> MergeReport:
        requests.append(request)
        merged = () if request.dry_run else MERGED
        return MergeReport(
            request.file, WEB, "shop", "shop", request.how, request.dry_run, FACTS, None, Changes(), merged,
            ("look at it",), {"examine": 0.5, "merge": 1.0},
        )  # fmt: skip

    monkeypatch.setattr(job, "merge", merge)
    return requests


@pytest.mark.parametrize(
    ("arguments", "how", "pick"),
    [
        (("--merge", "keep"), "keep", Pick()),
        (("--merge", "replace", "--table", "o*", "--table", "u"), "replace", Pick(("o*", "u"))),
        (("--data-only", "--exclude-table", "log"), "add", Pick(excluded=("log",), data_only=True)),
    ],
)
def test_a_merge_is_asked_for_as_it_was_written(
    vya: Callable, asked: list[MergeRequest], arguments: tuple[str, ...], how: str, pick: Pick
) -> None:
    assert vya("restore", "-f", "x", "-i", "1", "-t", "shop", *arguments).code == 0
    (request,) = asked
    assert (request.file, request.target, request.how, request.pick) == (Path("x"), "shop", how, pick)


def test_a_merge_ends_with_what_became_of_the_rows(vya: Callable, asked: list[MergeRequest]) -> None:
    ran = vya("restore", "-f", "x", "-i", "1", "--merge", "keep")
    lines = [line.split() for line in ran.out.splitlines()]
    assert ["orders", "1,200", "30", "0"] in lines
    assert ["users", "5", "0", "7"] in lines
    assert ran.out.splitlines()[-2:] == [
        "sequence users_id_seq was set forward to 12",
        "merged into shop on 1 (web) in 1.50 s: 1,205 added, 30 kept, 7 replaced",
    ]
    assert ran.err == "warning: look at it\n"
    document = vya("restore", "-f", "x", "-i", "1", "--merge", "keep", "--json").document
    assert (document["merge"], document["tables"][0]["added"]) == ("keep", 1200)


def test_a_merge_is_planned_as_its_dry_run(vya: Callable, asked: list[MergeRequest]) -> None:
    same = ("-f", "x", "-i", "1", "--merge", "keep")
    assert vya("plan", *same).out == vya("restore", *same, "--dry-run").out
    assert [request.dry_run for request in asked] == [True, True]


@pytest.mark.parametrize("way", [("--merge", "replace"), ("--data-only",)])
def test_a_merge_has_no_plan_that_is_written_or_done(
    vya: Callable, asked: list[MergeRequest], way: tuple[str, ...]
) -> None:
    ran = vya("plan", "-f", "x", "-i", "1", *way, "--output", "p.json")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [
            "error: --output writes the plan of a restore, and a merge is none",
            "hint: Leave --output out, and run the merge itself with the same options.",
        ],
    )
    assert not Path("p.json").exists()
    ran = vya("restore", *way, "--plan", "p.json")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [
            "error: --plan says what is restored where, and how; leave out all other of that",
            "hint: For a merge, leave out --plan: it is planned with --dry-run.",
        ],
    )
    assert asked == []


def test_what_a_planned_merge_prints_is_no_plan_to_be_done(vya: Callable, asked: list[MergeRequest]) -> None:
    Path("p.json").write_text(vya("plan", "-f", "x", "-i", "1", "--merge", "keep", "--json").out)
    ran = vya("restore", "--plan", "p.json")
    assert (ran.code, ran.err.splitlines()[0]) == (
        5,
        "error: p.json is no plan of this program: format: field required",
    )
    assert [request.dry_run for request in asked] == [True]


def test_a_dry_run_of_a_merge_touches_nothing(vya: Callable, asked: list[MergeRequest]) -> None:
    ran = vya("restore", "-f", "x", "-i", "1", "--merge", "keep", "--dry-run")
    assert asked[0].dry_run
    assert ran.out.splitlines()[-1] == (
        "dry run: 1,200 rows of 2 tables would be merged into shop on 1 (web); nothing was touched"
    )


OTHERS = (
    *(["--disconnect"], ["--database-properties", "target"], ["--in-place"], ["--no-in-place"], ["--no-acl"]),
    *(["--definer", "keep"], ["--owner", "app"], ["--rename-ambiguous", "no"], ["--events", "keep"]),
)
OF_RESTORE = (["--force"], ["--jobs", "2"], ["--no-verify"], ["--resume"])


@pytest.mark.parametrize("way", [("--merge", "keep"), ("--data-only",)])
@pytest.mark.parametrize("other", [*OTHERS, *OF_RESTORE], ids=lambda o: o[0])
def test_what_means_nothing_for_a_merge_is_refused_by_name(
    vya: Callable, asked: list[MergeRequest], way: tuple[str, ...], other: list[str]
) -> None:
    name = "--in-place" if other == ["--no-in-place"] else other[0]
    for command in ("restore", "plan") if other in OTHERS else ("restore",):
        ran = vya(command, "-f", "x", "-i", "1", *way, *other)
        error, hint = ran.err.splitlines()
        assert (ran.code, error) == (2, f"error: {name} means nothing for a merge (--merge, --data-only)")
        assert hint.startswith("hint: Leave that out: a merge sends rows alone")
    assert asked == []


def test_each_option_of_restore_is_heeded_by_a_merge_or_refused(vya: Callable) -> None:
    known = set(re.findall(r"--[a-z-]+", vya("restore", "--help").out)) - {"--help"}
    own = {"--file", "--instance", "--target", "--source", "--table", "--exclude-table", "--schema", "--wait"}
    own |= {"--schema-only", "--data-only", "--merge", "--dry-run", "--config", "--json"}
    own |= {"--bwlimit", "--nice", "--max-lag", "--max-load"}
    elsewhere = {"--plan", "--resume-or-undo"}  # refused with words of their own
    assert known - own - elsewhere == {option[0] for option in (*OTHERS, *OF_RESTORE)}


@pytest.mark.parametrize("command", ["restore", "plan"])
def test_a_merge_without_a_file_names_the_command(vya: Callable, command: str) -> None:
    ran = vya(command, "-i", "1", "--merge", "keep")
    assert (ran.code, ran.err.splitlines()) == (
        2,
        [f"error: {command} needs --file PATH", f"hint: See `vya-backupdb {command} --help`."],
    )


@pytest.mark.parametrize("others", [("--schema-only", "--data-only"), ("--merge", "keep", "--in-place")])
def test_what_makes_no_sense_together_is_refused(
    vya: Callable, asked: list[MergeRequest], others: tuple[str, ...]
) -> None:
    assert (vya("restore", "-f", "x", "-i", "1", *others).code, asked) == (2, [])


@pytest.mark.parametrize(
    ("arguments", "pick"),
    [
        ((), None),
        (("--schema", "s", "--table", "t"), Pick(("t",), schemas=("s",))),
        (("--schema-only",), Pick(schema_only=True)),
    ],
)
def test_a_part_is_restored_as_any_other(
    vya: Callable, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], pick: Pick | None
) -> None:
    requests: list[RestoreRequest] = []

    def run(request: RestoreRequest, *_: object) -> None:
        requests.append(request)
        raise KeyboardInterrupt

    monkeypatch.setattr(restore, "restore", run)
    vya("restore", "-f", "x", "-i", "1", *arguments)
    assert [request.pick for request in requests] == [pick]
