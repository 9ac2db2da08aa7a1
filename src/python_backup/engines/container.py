"""Throw-away servers in containers: the docker command alone, its image, and what dead runs left.

A container has no network. Its server's socket is in a folder that it shares with this machine, so the
Docker engine must be on this machine too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from python_backup.engines.program import Image
from python_backup.errors import ToolFailed, ToolMissing
from python_backup.stream.child import Command, output_of
from python_backup.stream.environment import clean_environment
from python_backup.stream.hold import abandoned

LABEL = "vya-backupdb.drill"
"""A container's label; its value is the folder that its run holds."""

SHARED = "/vya"
"""Where the container has the folder of its socket."""

SERVERS = frozenset({"postgres", "mysqld", "mariadbd"})
"""What a container's first process becomes when its data is made: images serve for themselves before."""

_PULL_SECONDS = 1800


def runs_in(folder: Path, image: Image, options: tuple[str, ...]) -> tuple[str, ...]:
    """The command that serves in the foreground; ``environment`` is a file in the folder."""
    return (
        "docker", "run", "--rm", "--name", name_in(folder), "--label", f"{LABEL}={folder.parent}",
        "--network", "none", "--security-opt", "no-new-privileges", "--env-file", f"{folder}/environment",
        "--mount", f"type=bind,source={folder}/shared,target={SHARED}", image.name, *options,
    )  # fmt: skip


def removes(folder: Path) -> tuple[str, ...]:
    """The command that ends it, whatever it is doing, and takes its data away."""
    return ("docker", "rm", "--force", "--volumes", name_in(folder))


def name_in(folder: Path) -> str:
    """The container's name: that of the folder which holds it."""
    return folder.parent.name


def fetch(image: Image) -> None:
    """Sees to it that the image is here.

    Raises:
        ToolMissing: there is no docker command.
        ToolFailed: no Docker engine of this machine answers, or the image cannot be had.
    """
    host = os.environ.get("DOCKER_HOST", "")
    if host and not host.startswith("unix:"):
        raise ToolFailed(
            f"the Docker engine at {host} is not on this machine, and shares no folder with it",
            hint="Leave --on docker out, or unset DOCKER_HOST where there is an engine here.",
        )
    if _docker("image", "inspect", "--format", "{{.Id}}", image.name)[1]:
        return
    said, pulled = _docker("pull", "--quiet", image.name, timeout=_PULL_SECONDS)
    if not pulled:
        raise ToolFailed(
            f"the image {image.name} cannot be had: {said}",
            hint=f"Try `docker pull {image.name}`, or set drill.docker.image in the config.",
        )


def serves(container: str) -> bool:
    """Whether the image's own preparations are over: its first process is the server."""
    said, done = _docker("exec", container, "cat", "/proc/1/comm")
    return done and said in SERVERS


def clear_containers() -> tuple[str, ...]:
    """Removes the containers of drills that died with all that watched over them; returns which."""
    listed, done = _docker(
        "ps", "--all", "--filter", f"label={LABEL}", "--format", f'{{{{.Names}}}}\t{{{{.Label "{LABEL}"}}}}'
    )
    cleared = []
    for line in listed.splitlines() if done else ():
        name, _, folder = line.partition("\t")
        with abandoned(Path(folder)) as free:
            if (free or not Path(folder).exists()) and _docker("rm", "--force", "--volumes", name)[1]:
                cleared.append(name)
    return tuple(cleared)


def _docker(*words: str, timeout: float = 60, environ: Mapping[str, str] = os.environ) -> tuple[str, bool]:
    """What docker said, and whether it did what it should."""
    try:
        home = {"HOME": environ["HOME"]} if "HOME" in environ else {}  # registries' passwords are there
        command = Command(("docker", *words), clean_environment(environ) | home)
        output, ending = output_of(command, timeout=timeout)
    except ToolMissing as exc:
        raise ToolMissing(
            "there is no program docker on this machine",
            hint="Install Docker, or leave --on docker out: the machine's own server programs do as well.",
        ) from exc
    said = output.decode("utf-8", "replace").strip() or "; ".join(ending.lines)
    return said, ending.returncode == 0
