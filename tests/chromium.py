"""Where the browser of the browser tests is: one that is installed, else the one Playwright downloads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

#: also looked at when the PATH does not lead there
DEBIAN = Path("/usr/bin/chromium")


def launch_options() -> dict[str, Any]:
    """Arguments for Playwright's `chromium.launch`. Its sandbox needs rights that tests often lack."""
    options: dict[str, Any] = {"args": ["--no-sandbox"]}
    if path := _installed():
        options["executable_path"] = path
    return options


def _installed() -> str | None:
    """CHROMIUM from the environment, then the PATH; Debian's own only if Playwright has downloaded none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    on_path = next((found for name in names if (found := shutil.which(name))), None)
    if chosen := os.environ.get("CHROMIUM") or on_path:
        return chosen
    downloads = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
    return str(DEBIAN) if DEBIAN.exists() and not any(downloads.glob("chromium*")) else None
