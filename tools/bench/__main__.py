"""``make bench``: this program and the stock tools side by side, on the same database, in turns.

Prints one table of medians and ratios beside their bars. Starts its own servers, with the settings
of the tests (their data is never waited for, on either side), and leaves nothing behind.
"""

from __future__ import annotations

import argparse
import compileall
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import python_backup
from bench import lexers, many
from bench.comparison import Comparison, Plan
from bench.report import RATE, SECONDS, Measured, document, machine, table
from bench.sides import Failed
from support.programs import Program, found_programs, one_of_each
from support.servers import session

START_BAR = 0.25
PARTS = ("start", "lexers", "backup", "restore", "table", "drill", "many", "peers", "parts")
_STARTS = 10
_LEXED = 200  # megabytes


def main() -> int:
    """Gives the exit status: 1 when a bar is missed and that was asked for."""
    arguments = _arguments()
    compileall.compile_dir(Path(python_backup.__file__).parent, quiet=2)  # as pip does when it installs
    plan = Plan(arguments.size, arguments.rounds, frozenset(arguments.only or PARTS), tuple(arguments.jobs))
    facts = machine()
    lines: list[Measured] = []
    try:
        for line in _measured(plan, arguments.servers, facts, arguments.databases):
            lines.append(line)
            _say(f"{line.what}: {line.value:.3g}")
    except Failed as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    print("\n".join(f"- {name}: {fact}" for name, fact in facts.items()))
    print(f"\n{table(lines)}")
    if arguments.json:
        arguments.json.write_text(json.dumps(document(facts, lines), indent=1, ensure_ascii=False) + "\n")
    return int(arguments.strict and any(line.met is False for line in lines))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="megabytes of dump (1000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each side (3)")
    parser.add_argument("--databases", type=int, default=100, help="small databases of the part many (100)")
    parser.add_argument("--servers", nargs="+", metavar="ID", help="postgresql-18 mariadb-11.8 (the newest)")
    parser.add_argument("--jobs", type=int, nargs="+", default=[2], help="of the part parts: 1 2 4 (2)")
    parser.add_argument("--only", nargs="+", choices=PARTS, help="these parts alone")
    parser.add_argument("--json", type=Path, metavar="PATH", help="every run, for programs")
    parser.add_argument("--strict", action="store_true", help="exit with 1 when a bar is missed")
    return parser.parse_args()


def _measured(plan: Plan, wanted: list[str] | None, facts: dict[str, str], small: int) -> Iterator[Measured]:
    if "start" in plan.parts:
        yield Measured("vya-backupdb --help", SECONDS, tuple(_start() for _ in range(_STARTS)), bar=START_BAR)
    if "lexers" in plan.parts:
        for shape in lexers.SHAPES:
            rates = tuple(lexers.rate(shape, _LEXED) for _ in range(plan.rounds))
            yield Measured(shape.name, RATE, rates, bar=shape.bar)
        for shape in lexers.GUARDED:
            rates = tuple(lexers.guard_rate(shape, _LEXED) for _ in range(plan.rounds))
            yield Measured(shape.name, RATE, rates, bar=shape.bar)
    compared = plan.parts & {"backup", "restore", "table", "drill", "peers", "parts"}
    if compared or "many" in plan.parts:
        if shutil.which("zstd") is None:
            raise Failed("zstd is not on this machine\nhint: Install the package zstd.")
        for program in _programs(wanted):
            with session() as servers:
                server = servers.wait(program)
                if "many" in plan.parts:
                    yield from many.lines(server, small, plan.rounds, _say)
                if compared:
                    yield from Comparison(plan, server).lines(facts, _say)


def _start() -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-m", "python_backup", "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def _programs(wanted: list[str] | None) -> list[Program]:
    found = {p.id: p for p in found_programs() if p.clients}
    if wanted is None:
        return one_of_each(list(found.values()))
    missing = [name for name in wanted if name not in found]
    if missing:
        raise Failed(f"no server {', '.join(missing)} is at hand; there are: {', '.join(found)}")
    return [found[name] for name in wanted]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
