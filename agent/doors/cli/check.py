"""``check``: what the safety screen says of a text. Nothing is sent, nothing is kept."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...schema import Verdict


@click.command()
@click.argument("text", nargs=-1, metavar="TEXT|-")
@click.option("--file", "file", type=click.Path(path_type=Path), help="Read the text from a file.")
@click.option("--json", "as_json", is_flag=True, help="The verdict as one record.")
def check(text: tuple[str, ...], file: Path | None, as_json: bool) -> int:
    """Ask the safety screen about a text; nothing is sent, nothing is kept.

    Exits with 0 when the text may go out, with 3 when it is refused or needs a second look.
    """
    from ...factory import check_text
    from .desk import settings_of
    from .records import verdict_record
    from .telling import write_json

    words = _words(text, file)
    verdict = check_text(words, settings_of())
    if as_json:
        write_json(verdict_record(verdict))
    else:
        for line in _lines(verdict):
            click.echo(line)
    return 0 if verdict.decision == "allow" else 3


def _words(text: tuple[str, ...], file: Path | None) -> str:
    from ...errors import UsageError
    from .desk import prompt_of

    if file is None:
        return prompt_of(text)
    if text:
        raise click.UsageError("A text or --file, not both.")
    try:
        return file.read_bytes().decode("utf-8-sig", "replace")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{file}: cannot be read ({reason}).") from error


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
