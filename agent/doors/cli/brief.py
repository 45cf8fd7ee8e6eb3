"""``brief``: what a poster is made from, drafted, checked, and its schema."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...poster.checked import BriefCheck
    from ...poster.drafting import Draft
    from ...settings import Settings


@click.group()
def brief() -> None:
    """Briefs for posters: draft one, check one, see what may stand in it.

    A brief is YAML, JSON, or Markdown with front matter; examples/briefs has twelve.
    """


# ── new ──────────────────────────────────────────────────────────────────────────────────────


@brief.command()
@click.argument("sentence", nargs=-1, metavar="[SENTENCE]")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; never overwritten.  [default: brief.yaml]",
)
@click.option("--profile", "-p", help="The server that drafts it.")
def new(sentence: tuple[str, ...], output: Path | None, profile: str | None) -> int:
    """Write a brief to edit: from a sentence, or from your answers at a terminal.

    \b
    limner brief new "a poster for our street party on 4 July, with food and live music"
    limner brief new -o party.yaml

    From a sentence the model drafts it; facts that the sentence does not give are left out.
    Offline the words become title and motif, and the rest stands there to be filled in.
    """  # noqa: D301  click takes a backspace for "leave these lines alone"
    from ...errors import UsageError
    from .desk import prompt_of
    from .wording import plain

    place = output or Path("brief.yaml")
    if os.path.lexists(place):
        raise UsageError(
            f"{place} exists, and a brief is never overwritten.", hint="Name another file with -o."
        )
    if sentence:
        draft = _from_sentence(prompt_of(sentence), profile)
        if isinstance(draft, int):
            return draft
    elif sys.stdin.isatty():
        draft = _from_answers()
    else:
        raise UsageError(
            "There is nobody to ask: stdin is no terminal.",
            hint='Give a sentence: limner brief new "a night market by the harbour"',
        )
    _write(place, draft)
    click.echo(plain(str(place)))
    click.echo(f"Edit it, then: limner brief check {plain(str(place))}", err=True)
    return 0


def _from_sentence(text: str, profile: str | None) -> Draft | int:
    """The draft, or the exit code of what went wrong and was told."""
    import anyio

    from ...factory import open_agent
    from ...poster.drafting import drafted
    from ...results import exit_code
    from ...schema import Failure
    from .desk import settings_of
    from .problems import say_problem

    settings = settings_of({"profile": profile})

    async def ask() -> Draft | Failure:
        async with open_agent(settings) as agent:
            if agent.offline:
                click.echo("offline: no model drafts; your words become title and motif", err=True)
            return await drafted(agent, text)

    found = anyio.run(ask)
    if isinstance(found, Failure):
        say_problem(found.message, hint=found.hint)
        return exit_code("refused" if found.code == "policy" else "failed", found.code)
    return found


def _from_answers() -> Draft:
    from ...poster.drafting import FIELDS, Draft

    title = click.prompt("Title, as it should be read", err=True).strip()
    while not title:
        title = click.prompt("A poster needs a title", err=True).strip()
    given = {
        name: click.prompt(f"{about} (Enter: leave out)", default="", show_default=False, err=True)
        for name, about in FIELDS
    }
    return Draft.model_validate({"title": title, **given})


def _write(place: Path, draft: Draft) -> None:
    from ...errors import UsageError
    from ...poster.drafting import as_yaml

    try:
        with place.open("x", encoding="utf-8") as file:
            file.write(as_yaml(draft))
    except OSError as error:
        raise UsageError(f"{place}: cannot be written ({error.strerror}).") from error


# ── check ────────────────────────────────────────────────────────────────────────────────────


@brief.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE…|-")
@click.option("--profile", "-p", help="Whose models and prices count.")
@click.option("--json", "as_json", is_flag=True, help="One record per file.")
def check(files: tuple[str, ...], profile: str | None, as_json: bool) -> int:
    """Say what is wrong with a brief, or what it will make and cost; nothing is sent.

    Exits with 0 when every brief can be made, with 2 when one cannot (every problem with its field
    and line), with 3 when the safety policy refuses one. - reads stdin.
    """
    from .desk import settings_of
    from .stdout import write_json

    settings = settings_of({"profile": profile})
    found = [_checked(file, settings) for file in files]
    for one in found:
        if as_json:
            write_json(one)
            continue
        for line in _lines(one):
            click.echo(line)
    outcomes = {one.outcome for one in found}
    return 2 if "wrong" in outcomes else 3 if "refused" in outcomes else 0


def _checked(file: str, settings: Settings) -> BriefCheck:
    from ...factory import load_policies, profile_of
    from ...poster.brief import BriefError
    from ...poster.checked import broken, checked
    from ...poster.filling import load_brief
    from .desk import chosen, stdin_bytes

    try:
        if file == "-":
            text = stdin_bytes().decode("utf-8", "replace")
            made = load_brief(text, name="-")
        else:
            made = load_brief(Path(file))
    except BriefError as error:
        return broken(file, error)
    return checked(
        file,
        made,
        policy=load_policies(settings),
        profile=profile_of(chosen(settings)),
        folder=settings.config_dir,
    )


def _lines(one: BriefCheck) -> Iterator[str]:
    from .wording import plain

    colour = {"ok": "green", "wrong": "red", "refused": "red"}[one.outcome]
    yield click.style(f"{plain(one.file)}: ", bold=True) + click.style(one.outcome, fg=colour)
    for problem in one.problems:
        yield f"  {plain(str(problem))}"
    if not one.posters:
        return
    sizes, locales = ", ".join(one.sizes), ", ".join(one.locales)
    yield f"  {_count(one.posters, 'poster')} from {_count(one.pictures, 'picture')}: {sizes} in {locales}"
    yield f"  {_price(one)}"
    for warning in one.warnings:
        yield click.style("  warning: ", fg="yellow") + plain(warning)
    for note in one.notes:
        yield f"  note: {plain(note)}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _price(one: BriefCheck) -> str:
    if one.cheapest is None:
        return "price not known"
    if one.dearest is None or one.dearest == one.cheapest:
        return f"{one.cheapest:.2f} {one.currency}"
    return f"{one.cheapest:.2f} to {one.dearest:.2f} {one.currency}"


# ── schema ───────────────────────────────────────────────────────────────────────────────────


@brief.command()
def schema() -> None:
    """Print the JSON Schema of a brief, for editors that complete and check as you type."""
    import json

    from ...poster.written import schema as written

    click.echo(json.dumps(written(), indent=2, ensure_ascii=False))
