"""The options that hold a run back: for commands that work on servers, and for those that read artifacts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated

import typer

from python_backup.cli.gathering import gathering
from python_backup.cli.render import Screen
from python_backup.errors import UsageError
from python_backup.instance import Instance

if TYPE_CHECKING:
    from python_backup.config.load import Config

BwlimitOption = Annotated[
    str | None,
    typer.Option(metavar="RATE", help="Bytes a second, such as 20MB or 512k.", show_default=False),
]
NiceOption = Annotated[bool, typer.Option("--nice", help="Let others have processor and disks first.")]
LagOption = Annotated[
    int | None,
    typer.Option(
        metavar="SECONDS", min=1, help="Pause while replication is further behind.", show_default=False
    ),
]
LoadOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Pause while more sessions are at work.", show_default=False),
]


@dataclass(frozen=True, slots=True)
class Throttling:
    """What the command line says; the config says the rest."""

    bwlimit: int | None = None
    nice: bool = False
    max_lag: int | None = None
    max_load: int | None = None

    def begin(self, settings: Config, screen: Screen) -> Config:
        """The config, with what the command line says; this process's priority is lowered if that is wanted.

        Called before anything is started.
        """
        if self.nice or settings.nice:
            Throttling(nice=True).be_nice(screen)
        drilling = replace(settings.drilling, scratch=tuple(map(self._over, settings.drilling.scratch)))
        instances = tuple(map(self._over, settings.instances))
        throttle = replace(settings.throttle, **self._told())
        return replace(settings, instances=instances, drilling=drilling, throttle=throttle)

    def be_nice(self, screen: Screen) -> None:
        """Lowers this process's priority if the command line says so."""
        if self.nice:
            from python_backup.stream.nice import be_nice

            for impossible in be_nice():
                screen.warning(f"--nice: {impossible}")

    def _over(self, instance: Instance) -> Instance:
        return replace(instance, throttle=replace(instance.throttle, **self._told()))

    def _told(self) -> dict[str, int]:
        given = {"bwlimit": self.bwlimit, "max_lag": self.max_lag, "max_load": self.max_load}
        return {name: value for name, value in given.items() if value is not None}


def _on_servers(
    *,
    bwlimit: BwlimitOption = None,
    nice: NiceOption = False,
    max_lag: LagOption = None,
    max_load: LoadOption = None,
) -> Throttling:
    return Throttling(_rate(bwlimit), nice, max_lag, max_load)


def _on_files(*, bwlimit: BwlimitOption = None, nice: NiceOption = False) -> Throttling:
    return Throttling(_rate(bwlimit), nice)


def _rate(text: str | None) -> int | None:
    if text is None:
        return None
    from python_backup.config.scalars import SLOWEST, rate

    found = rate(text)
    if found is None:
        raise UsageError(
            f"--bwlimit must be bytes a second, at least {SLOWEST // 1000}k, not {text!r}",
            hint="Such as 500k, 20MB or 1GiB.",
        )
    return found


def throttled(command: Callable[..., None]) -> Callable[..., None]:
    """A command that works on servers; it takes a ``throttling``."""
    return gathering("throttling", _on_servers, command)


def slowed(command: Callable[..., None]) -> Callable[..., None]:
    """A command that reads artifacts, or whose servers are its own; it takes a ``throttling``."""
    return gathering("throttling", _on_files, command)
