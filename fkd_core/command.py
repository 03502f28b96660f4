"""The edge of every command: from what is typed to an exit code, errors in one line."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tyro
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from fkd_core import needs
from fkd_core.errors import UserError, one_line
from fkd_core.help import check_words, help_page
from fkd_core.libraries import own_version
from fkd_core.options import at_home, read_options
from fkd_core.shared_options import Options
from fkd_core.stopping import Stopped, loaded, stoppable
from fkd_core.streams import while_read
from fkd_core.terminal import console


class Checked(Protocol):
    """What every command line has."""

    def check(self) -> None:
        """Raises UserError for a value that cannot be used."""


Chosen = TypeVar("Chosen", bound=Checked)


def begin(options: Checked) -> None:
    """What every command does first: raises UserError for values that cannot be, then for what
    they need and is not there, and only then makes a folder."""
    options.check()
    needs.check(getattr(options, "needs", ()))
    if isinstance(options, Options):
        options.prepare()


@while_read()
def run(
    experiment: Callable[[Chosen], object],
    options: type[Chosen],
    prog: str | None = None,
    arguments: Sequence[str] | None = None,
) -> None:
    """Parses the command line, runs, and turns what a user can mend into one line and exit code 2.

    `prog` and `arguments` stand in place of the process's own.

    Ctrl-C ends with exit code 130, SIGTERM with 143, the time limit with 124; what was finished is
    kept.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal or file of any encoding
            stream.reconfigure(errors="backslashreplace")
    given = [*map(at_home, sys.argv[1:] if arguments is None else arguments)]
    if given == ["--version"]:
        print(own_version())
        return
    if {"-h", "--help"} & {*given}:
        width = min(100, console.width if console.is_terminal else 100)
        print(help_page(options, experiment.__doc__ or "", width, prog or _program()))
        return

    def parsed(default: Any = tyro.MISSING_NONPROP) -> Chosen:
        found: Chosen = tyro.cli(
            options,
            prog=prog,
            description=experiment.__doc__,
            args=given,
            default=default,
            config=(tyro.conf.AvoidSubcommands,),
        )
        return found

    loaded()
    try:
        check_words(options, given)
        chosen = parsed()
        if config := getattr(chosen, "config", None):
            chosen = parsed(read_options(config, options))
        with plain_errors(getattr(chosen, "results", None)):
            begin(chosen)
            with stoppable(getattr(chosen, "minutes", None)):
                experiment(chosen)
    except UserError as error:
        _stop(str(error), 2)
    except Stopped as stop:
        _stop(f"{stop}; what is finished is kept: the same command goes on from there", stop.code)
    except KeyboardInterrupt:  # while it was checked what is asked for and what is there
        _stop("stopped before anything was begun", Stopped.code)


@contextlib.contextmanager
def plain_errors(results: Path | None) -> Iterator[None]:
    """What the system or the database refuses in this block is raised as UserError."""
    try:
        yield
    except OSError as error:
        where = error.filename2 or error.filename or results  # the former where it is renamed to
        named = f"{where}: " if where else ""
        advice = _ADVICE.get(error.errno or 0, "mend it, and run again")
        raise UserError(f"{named}{error.strerror or error}; {advice}") from error
    except (SQLAlchemyError, StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(
            f"--storage: the database failed ({reason}); nothing finished is lost: run again"
        ) from error


_ADVICE = {
    errno.ENOSPC: "free some space there or give another folder, and run again",
    errno.EDQUOT: "free some space there or give another folder, and run again",
    errno.EACCES: "allow it or give another folder, and run again",
    errno.EPERM: "allow it or give another folder, and run again",
    errno.EROFS: "give a folder that can be written, and run again",
    errno.EISDIR: "move that folder away or give another name, and run again",
    errno.ENOTDIR: "give a folder, and run again",
    errno.ENAMETOOLONG: "give a shorter path, and run again",
    errno.EMFILE: "allow more open files (ulimit -n), and run again",
}
"""What to do about what the system refuses."""


def _program() -> str:
    """This script as it is typed."""
    return f"python {os.path.relpath(sys.argv[0])}"


def _stop(message: str, code: int) -> None:
    sys.stdout.flush()
    print(f"error: {one_line(message)}" if code == 2 else message, file=sys.stderr)
    sys.stderr.flush()
    sys.exit(code)
