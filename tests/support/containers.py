"""Servers in containers, through testcontainers: for what the machine has no programs of.

Their client programs are inside too: the server's ``command`` runs them there by ``docker exec``.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from support.databases import version_of
from support.programs import Program
from support.servers import RunningServer

PASSWORD = "container-password"
PATIENCE = 180.0
OFFICIAL = "mariadb:11"
PORTS = {"postgresql": 5432, "mariadb": 3306, "mysql": 3306}
SUPERUSERS = {"postgresql": "postgres", "mariadb": "root", "mysql": "root"}


def found_images() -> list[Program]:
    """What can be started in containers: images made for tests, else one to be pulled; none without Docker."""
    if not shutil.which("docker"):
        return []
    question = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    said = subprocess.run(
        question, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )
    if said.returncode:
        return []
    images = re.findall(r"^db-servers/(?:mariadb|mysql|postgresql):[\d.]+$", said.stdout, re.MULTILINE)
    return [_program(image) for image in sorted(images) or [OFFICIAL]]


def _program(image: str) -> Program:
    dbms, _, version = image.rpartition("/")[2].partition(":")
    return Program(id=f"{dbms}-{version}-container", dbms=dbms, version=version, image=image)


@contextmanager
def contained(program: Program) -> Iterator[RunningServer]:
    """A running container of the program's image, removed at the end."""
    # its reaper is one more image to pull; the keeper ends the container itself
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    from testcontainers.core.container import DockerContainer

    port = PORTS[program.dbms]
    container = DockerContainer(program.image).with_exposed_ports(port)
    for name in ("POSTGRES_PASSWORD",) if program.dbms == "postgresql" else ("MYSQL_ROOT_PASSWORD",):
        container = container.with_env(name, PASSWORD)
    try:
        container.start()
        server = RunningServer(
            id=program.id, dbms=program.dbms, version=program.version, host=container.get_container_host_ip(),
            port=int(container.get_exposed_port(port)), socket="", superuser=SUPERUSERS[program.dbms],
            password=PASSWORD, command=("docker", "exec", "-i", container.get_wrapped_container().id),
        )  # fmt: skip
        yield replace(server, version=_version(server))
    finally:
        container.stop()


def _version(server: RunningServer) -> str:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := re.search(r"\d+(\.\d+)+", version_of(server)):
            return found[0]
        time.sleep(0.3)
    raise TimeoutError(f"{server.id} gave no answer within {PATIENCE:.0f} s")
