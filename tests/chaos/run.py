"""`python -m tests.chaos.run`: the faults of the catalogue, then the storm; exit code 1 if a promise was not kept."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos import records
from tests.chaos.engage import Terms, engage
from tests.chaos.faults import CATALOGUE
from tests.chaos.installation import Broken
from tests.chaos.play import Wanted, play
from tests.chaos.report import Report, Row, Storm
from tests.chaos.scene import Fault, Say

STORM = "storm"


def main(argv: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(argv)
    names = [name.strip() for name in options.only.split(",") if name.strip()] or _names()
    unknown = [name for name in names if name not in _names()]
    if unknown:
        print(f"There is no fault {', '.join(unknown)}. There are: {', '.join(_names())}.")
        return 2
    say, every = talker(), records.every()
    rows = [_one(fault, every, options, say) for fault in CATALOGUE if fault.name in names]
    storm, broken_off = _storm(every, options, say) if STORM in names else (None, False)
    found = Report(options.seed, tuple(rows), storm)
    if options.report:
        found.write(options.report)
    print(f"\n{found.text()}", flush=True)
    return 0 if found.passed and not broken_off else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.run", description=__doc__)
    parser.add_argument("--only", default="", metavar="F04,…", help=f"these faults; one of {', '.join(_names())}")
    parser.add_argument("--seed", type=int, default=2010, help="whom the faults strike (default: %(default)s)")
    parser.add_argument(
        "--slack", type=float, default=1, help="how many times longer recovery may take (default: %(default)s)"
    )
    parser.add_argument("--rest", type=float, default=5, help="minutes to come to rest (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=5, help="how long the storm blows (default: %(default)s)")
    parser.add_argument("--orders", type=int, default=2025, help="records in the storm (default: all)")
    parser.add_argument("--no-faults", action="store_true", help="the storm without troubles: only play and judge")
    parser.add_argument("--report", type=Path, help="where the report goes as JSON, and beside it as text")
    parser.add_argument("--keep", action="store_true", help="leave data and logs behind")
    return parser


def _names() -> list[str]:
    return [*(fault.name for fault in CATALOGUE), STORM]


def _one(fault: Fault, every: list[records.Record], options: argparse.Namespace, say: Say) -> Row:
    """A fault whose installation gives up is a broken promise; the others still get their turn."""

    def tell(text: str) -> None:
        say(f"{fault.name}  {text}")

    tell(fault.what)
    with _directory(options.keep, tell) as data_dir:
        try:
            row = engage(fault, every, Terms(options.seed, options.rest * 60, options.slack), data_dir, tell)
        except Broken as error:
            row = Row(fault.name, fault.what, fault.phases, fault.bound, {}, {}, 0, 0, (f"broken off: {error}",))
    tell("kept" if row.passed else "BROKEN")
    for offender in row.offenders:
        tell(f"    {offender}")
    return row


def _storm(every: list[records.Record], options: argparse.Namespace, say: Say) -> tuple[Storm | None, bool]:
    """What came of the storm, and whether it was broken off."""
    wanted = Wanted(
        options.orders, options.minutes * 60, options.rest * 120, options.seed,
        faults=not options.no_faults, slack=options.slack,
    )  # fmt: skip
    with _directory(options.keep, say) as data_dir:
        try:
            return play(wanted, every, data_dir, say), False
        except Broken as error:
            say(f"broken off: {error}")
            return None, True


@contextmanager
def _directory(keep: bool, say: Say) -> Iterator[Path]:
    data_dir = Path(tempfile.mkdtemp(prefix="watchkeeper-chaos-"))
    data_dir.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
    try:
        yield data_dir
    finally:
        if keep:
            say(f"data and logs are in {data_dir}")
        else:
            shutil.rmtree(data_dir, ignore_errors=True)


def talker() -> Callable[[str], None]:
    """Says a line with the seconds since now."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
