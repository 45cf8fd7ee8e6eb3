"""The command line: ``limner``, a contract that scripts depend on (DESIGN section 9).

    flags      what can be asked for            desk      flags → settings, options, offline
    turns      one turn, start to end           telling   its events: paths, JSON, progress
    outputs    where pictures go                wording   receipts and sentences
    signals    what Ctrl-C means                problems  errors → words and exit codes
    chat …     the conversation                 show …    pictures in the terminal

This module imports click and nothing else of weight; a command's module is loaded when it runs.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

COMMANDS = {
    "demo": ("demo:demo", "A picture, an edit of it, and a branch: three turns."),
    "generate": ("draw:generate", "Draw a picture from a sentence."),
    "edit": ("draw:edit", "Change a picture: the newest one, an earlier one, or a file."),
    "chat": ("chat:chat", "Talk a picture into being, turn by turn."),
    "sessions": ("listing:sessions", "List sessions, the newest first."),
    "show": ("listing:show", "Show a session, or one picture, with all that is known of it."),
    "tree": ("listing:tree", "Draw which picture came from which."),
    "export": ("export:export", "Copy a session's pictures and records into a folder."),
    "ledger": ("ledger:ledger", "What was sent, what it cost, what is not settled."),
    "retry": ("retry:retry", "Send a turn again that failed, or whose result is unknown."),
    "forget": ("forget:forget", "Remove a session or picture for good."),
    "check": ("check:check", "Ask the safety screen about a text; nothing is sent."),
    "policy": ("policy:policy", "The safety rules: list, explain, try against a file."),
    "brief": ("brief:brief", "Briefs for posters: draft one, check one."),
    "poster": ("poster:poster", "Make every poster of a brief, every word proved."),
    "batch": ("batch:batch", "Posters of many briefs: make, resume, decide."),
    "worker": ("worker:worker", "Work on the batches of other machines."),
    "doctor": ("doctor:doctor", "Find out what is wrong, or what a server can do."),
    "offline": ("offline:offline", "Run the offline artist as a server."),
    "serve": ("serve:serve", "Serve OpenAI's Images and Responses APIs to other programs."),
    "mcp": ("mcp:mcp", "Serve drawing tools to agents over MCP."),
    "skill": ("skill:skill", "Teach a coding agent to draw: a skill file to install."),
    "config": ("config:config", "Show the configuration and where it comes from."),
    "keys": ("config:keys", "Store or remove a server's key."),
    "completion": ("completion:completion", "Print the completion script of a shell."),
}
"""Name → ("module:attribute", help). Without the module, ``--help`` stays quick."""

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class Front(click.Group):
    """Loads a command when it is used, and turns every end of it into an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, attribute = place[0].partition(":")
        found = getattr(import_module(f".{module}", __name__), attribute)
        assert isinstance(found, click.Command)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Exits with the code of DESIGN section 2, never with a traceback unless asked."""
        del standalone_mode
        _open_closed_streams()
        argv = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(
                argv, prog_name or "limner", complete_var, standalone_mode=False, **extra
            )
            sys.stdout.flush()
        except Exception as error:  # noqa: BLE001  everything becomes words and a code
            code = _told(error, argv)
        except KeyboardInterrupt as error:
            code = _told(error, argv)
        sys.exit(code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """What a shell closed (``>&-``) is written to by nobody's wish, and is no error of ours.

    It also keeps the number of a standard stream from being given to a file of ours.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _told(error: BaseException, argv: list[str]) -> int:
    from .problems import told

    return told(error, argv)


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from ... import __version__

        click.echo(f"limner {__version__}")
        ctx.exit()


@click.group(cls=Front, context_settings=CONTEXT)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="How much of the log goes to stderr.  [default: error]",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error of Limner's own.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, log_level: str | None, debug: bool) -> None:
    """Pictures from sentences, refined turn by turn.

    Without any configuration, pictures are drawn offline by Limner's own artist. With
    OPENAI_API_KEY (and OPENAI_BASE_URL) set, the same commands talk to that server.

    Paths of pictures go to stdout, everything else to stderr. Exit codes: 0 done, 1 failed,
    2 bad input, 3 refused, 4 key or access, 5 budget, 7 sent but result unknown, 8 try later,
    130/143/129 interrupted.
    """
    ctx.obj = {"log_level": log_level, "debug": debug}
    if os.environ.get("NO_COLOR"):
        ctx.color = False


def main() -> None:
    """The ``limner`` command."""
    # What is imported stays: looking through it for garbage took a tenth of a short command.
    gc.set_threshold(50_000, 20, 100)
    cli.main(prog_name="limner")
