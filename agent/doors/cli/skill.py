"""``skill``: the file that teaches a coding agent to draw, shown or put where agents look."""

from __future__ import annotations

from pathlib import Path

import click

DEFAULT = Path(".agents", "skills")
_FILE = Path("limner", "SKILL.md")
_HERE = Path(__file__).resolve()
_PLACES = (_HERE.parents[2] / "_data" / "skills", _HERE.parents[3] / "skills")
"""In a wheel, in a checkout."""


@click.group()
def skill() -> None:
    """Teach a coding agent to draw: a skill file to install."""


@skill.command()
def show() -> None:
    """Print the skill."""
    click.echo(_text(), nl=False)


@skill.command()
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=DEFAULT,
    metavar="FOLDER",
    help=f"The folder of skills.  [default: {DEFAULT.as_posix()}]",
)
@click.option("--force", is_flag=True, help="Replace a file that differs.")
def install(folder: Path, force: bool) -> None:
    """Copy the skill to FOLDER/limner/SKILL.md, and print that path.

    Codex, opencode and others read .agents/skills of a project, and ~/.agents/skills.
    """
    from ...errors import UsageError

    text, path = _text(), folder.expanduser() / _FILE
    try:
        there = path.read_text("utf-8") if path.exists() else None
        if there not in (None, text) and not force:
            raise UsageError(
                f"{path}: is there and differs.", hint="Replace it with --force, or use --dir."
            )
        if there != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8", newline="\n")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: is no text file.", hint="Choose another --dir.") from error
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be written ({error.strerror}).", hint="Choose another --dir."
        ) from error
    click.echo(path)


def _text() -> str:
    for place in _PLACES:
        if (place / _FILE).is_file():
            return (place / _FILE).read_text("utf-8")
    from ...errors import SettingsError

    raise SettingsError("the skill file is missing", hint="install limner again")
