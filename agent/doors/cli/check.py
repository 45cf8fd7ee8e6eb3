"""``check``: what the safety screen says of a text. Nothing is sent, nothing is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .desk import prompt_of, stdin_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schema import Verdict


@click.command()
@click.argument("text", nargs=-1, metavar="TEXT|-")
@click.option(
    "--file",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Read a text from a file; repeatable.",
)
@click.option("--lines", is_flag=True, help="Each line of the input is a text of its own.")
@click.option("--json", "as_json", is_flag=True, help="One verdict per line.")
def check(text: tuple[str, ...], files: tuple[Path, ...], lines: bool, as_json: bool) -> int:
    """Ask the safety screen about a text; nothing is sent, nothing is kept.

    Exits with 0 when every text may go out, with 3 when one is refused or needs a second look.
    A question leaves no verdict in the ledger: only turns do.
    """
    from ...factory import check_texts
    from .desk import settings_of
    from .records import verdict_record
    from .stdout import write_json

    found = list(_sources(text, files, lines=lines))
    verdicts = check_texts([words for _, words in found], settings_of())
    several = len(found) > 1
    for (source, _), verdict in zip(found, verdicts, strict=True):
        if as_json:
            write_json(verdict_record(verdict, source))
            continue
        if several:
            click.echo(click.style(f"{source}:", bold=True))
        for line in _lines(verdict):
            click.echo(line)
    return 0 if all(verdict.decision == "allow" for verdict in verdicts) else 3


def _sources(
    text: tuple[str, ...], files: tuple[Path, ...], *, lines: bool
) -> Iterator[tuple[str | None, str]]:
    """(where it stands, the text) of everything to be judged; never nothing."""
    from ...errors import UsageError
    from .wording import plain

    if files and text:
        raise click.UsageError("A text or --file, not both.")
    whole: list[tuple[str | None, str]] = [(str(file), _read(file)) for file in files]
    whole = whole or [(None, _typed(text))]
    for source, words in whole:
        parts = words.splitlines() if lines else [words]
        kept = [(at, part) for at, part in enumerate(parts, start=1) if part.strip()]
        if not kept:
            raise UsageError(f"{plain(source or 'The text')}: holds nothing to judge.")
        for at, part in kept:
            yield (f"{source or 'line'}:{at}" if lines else source), part


def _typed(text: tuple[str, ...]) -> str:
    if text == ("-",):
        return _decoded(stdin_bytes(), "stdin")
    return prompt_of(text)


def _read(file: Path) -> str:
    from ...errors import UsageError

    try:
        data = file.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file}: cannot be read ({reason}).") from error
    return _decoded(data, str(file))


def _decoded(data: bytes, name: str) -> str:
    """Text in UTF-8, or in UTF-16 that says so; a picture or a program is no text."""
    from ...errors import UsageError

    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    if not wide and b"\0" in data[:8192]:
        raise UsageError(f"{name}: is no text.", hint="The screen reads words, not pictures.")
    return data.decode("utf-16" if wide else "utf-8-sig", "replace")


def _lines(verdict: Verdict) -> Iterator[str]:
    from .wording import plain, short

    colour = {"allow": "green", "review": "yellow", "refuse": "red"}[verdict.decision]
    decision = click.style(verdict.decision, fg=colour, bold=True)
    rule = f"   rule {verdict.rule} ({verdict.category})" if verdict.rule else ""
    yield f"{decision}{rule}"
    if verdict.message:
        yield plain(verdict.message)
    if verdict.fix:
        yield f"fix: {plain(verdict.fix)}"
    if verdict.overridable:
        yield f"or accept it: --acknowledge {verdict.rule}"
    for hit in verdict.hits:
        span = f"{hit.start}-{hit.end}"
        found = f"  {short(hit.text, 60)!r}" if hit.text else ""
        seen = "" if hit.view == "plain" else f"  (seen as {hit.view})"
        yield f"  {span:>9}  {hit.severity:6} {hit.rule}{found}{seen}"
    yield f"preamble {verdict.preamble} · policy {verdict.policy} · {verdict.policy_sha256[:12]}"
