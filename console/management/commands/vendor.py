"""Fetches the front-end files others wrote, at pinned versions, or proves that the stored ones are unchanged.

`static/vendor/vendor.json` lists every package with version, integrity and licence, and every file with its SHA-256.
`manage.py vendor` needs npm and the network; `manage.py vendor --check` needs neither.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

#: what an icon's outline needs from lucide's wrapper; the rest is set where the icon is used
SYMBOL = '<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>'
SPRITE = '<svg xmlns="http://www.w3.org/2000/svg">\n{symbols}\n</svg>\n'


class Command(BaseCommand):
    requires_system_checks = ()
    help = "Fetch the vendored front-end files at their pinned versions, or check them with --check."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only compare the stored files with vendor.json")

    def handle(self, *args: Any, **options: Any) -> None:
        """Exit 0 if every stored file is exactly the pinned one; otherwise name what differs."""
        folder = Path(settings.BASE_DIR) / "static" / "vendor"
        if not options["check"]:
            fetch(folder)
        problems = check(folder)
        if problems:
            raise CommandError("\n".join(problems))
        count = len(read_lock(folder)["files"])
        self.stdout.write(f"{count} vendored files are exactly as pinned in {folder.name}/vendor.json.")


def read_lock(folder: Path) -> dict[str, Any]:
    """The lock file as written; `packages` by name, `files` by stored name, `icons` of the sprite."""
    return cast(dict[str, Any], json.loads((folder / "vendor.json").read_text()))


def check(folder: Path) -> list[str]:
    """A sentence for every file that is missing, changed, unlisted or without its licence; empty when all is well."""
    lock = read_lock(folder)
    present = {path.name for path in folder.iterdir()} - {"vendor.json"}
    listed: dict[str, dict[str, str]] = lock["files"]
    problems = [f"{name} is stored but not listed in vendor.json." for name in sorted(present - listed.keys())]
    for name, entry in listed.items():
        if name not in present:
            problems.append(f"{name} is listed in vendor.json but not stored.")
        elif sha256((folder / name).read_bytes()) != entry["sha256"]:
            problems.append(f"{name} differs from the pinned version.")
    licensed = {entry["package"] for name, entry in listed.items() if entry["source"].upper().startswith("LICEN")}
    problems += [f"{package} has no licence file beside it." for package in sorted(lock["packages"].keys() - licensed)]
    return problems


def fetch(folder: Path) -> None:
    """Write every listed file anew from its package and record its SHA-256. CommandError on a wrong integrity."""
    lock = read_lock(folder)
    with tempfile.TemporaryDirectory() as scratch:
        sources = {name: unpack(name, pin, Path(scratch)) for name, pin in lock["packages"].items()}
        for name, entry in lock["files"].items():
            package = sources[entry["package"]]
            body = sprite(package, lock["icons"]) if entry["source"] == "icons" else read(package / entry["source"])
            (folder / name).write_bytes(body)
            entry["sha256"] = sha256(body)
    (folder / "vendor.json").write_text(json.dumps(lock, indent=2) + "\n")


def unpack(name: str, pin: dict[str, str], scratch: Path) -> Path:
    """The unpacked package of exactly the pinned version and integrity."""
    wanted = f"{name}@{pin['version']}"
    packed = subprocess.run(
        ["npm", "pack", "--silent", wanted],
        cwd=scratch,
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    archive = scratch / packed.stdout.strip().splitlines()[-1]
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if found != pin["integrity"]:
        raise CommandError(f"{wanted} has integrity {found}, but {pin['integrity']} is pinned.")
    target = archive.with_suffix("")
    with tarfile.open(archive) as packed_files:
        packed_files.extractall(target, filter="data")
    return target / "package"


def sprite(package: Path, icons: list[str]) -> bytes:
    """One SVG with a symbol per icon, in alphabetical order."""
    symbols = []
    for name in sorted(icons):
        text = read(package / "icons" / f"{name}.svg").decode()
        outline = re.search(r"<svg[^>]*>(.*)</svg>", text, re.S)
        if outline is None:
            raise CommandError(f"the icon {name} is not an SVG.")
        symbols.append(SYMBOL.format(name=name, body=" ".join(outline[1].split())))
    return SPRITE.format(symbols="\n".join(symbols)).encode()


def read(path: Path) -> bytes:
    """The file's bytes; CommandError when the package does not have it."""
    if not path.is_file():
        raise CommandError(f"the package has no file {path.name}.")
    return path.read_bytes()


def sha256(body: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(body).hexdigest()
