"""The command-line twin of the pages: `python -m medgru --help`.

Bad input ends with exit code 2 and one line on standard error; what the commands report goes to standard error too,
so that standard output stays clean for `--out -`.
"""

import argparse
import sys
from collections.abc import Sequence

from medgru import NOTICE, __version__
from medgru.cli import data, models, runs, training
from medgru.errors import MedGRUError


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 2 the input was at fault, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    try:
        arguments.command(arguments)
    except MedGRUError as error:
        print(f"medgru: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return 0
    except OSError as error:  # a full disk, a folder one may not write to
        print(f"medgru: {error.filename or 'A file'}: {error.strerror}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("medgru: stopped.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m medgru",
        description="Recurrent diagnosis models for medical sequences, on the command line.",
        epilog=NOTICE,
    )
    parser.add_argument("--version", action="version", version=f"MedGRU {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for part in (data, models, training, runs):
        part.add_commands(commands)
    return parser
