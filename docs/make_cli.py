"""Write docs/cli.md: the contract by hand, the help of each command as it is.

python docs/make_cli.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

TOP = """\
# The command line

stdout holds paths, one a line, and nothing else; progress, notices and receipts go to stderr. With
`--json`, stdout holds one JSON object a line: on a turn every event, and the last line is always the
terminal event, also when it failed; on listings one record a line. The schemas are in
[schemas/](schemas): `event.json` for a turn, else the file named after the line's `type`. Amounts of money are strings, exact: `jq '.cost.amount | tonumber'`.

| exit | means |
|---|---|
| 0 | a picture; in chat also an answer |
| 1 | no picture: the error's code and hint say why |
| 2 | bad arguments, files, sizes, ids or configuration; nothing was sent |
| 3 | refused: by our policy (nothing was sent) or by the provider |
| 4 | no key, or one the server does not take |
| 5 | a budget stands in the way; nothing was sent |
| 7 | sent, and the result is not known: it may be billed, and is not sent again by itself |
| 8 | the account's usage window is full, or an answer is pending: `retry_at` says until when |
| 130, 143, 129 | interrupted: Ctrl-C, SIGTERM, the terminal was closed |

Settings come, in this order, from flags, the environment (`LIMNER_…`), the project's `limner.toml`, the
user file, and defaults; `limner config show --origin` says which. A project file may choose a profile by
name, picture options, the output and lower budgets; never a URL, a key, a policy or a database.

    limner generate "a red kite" --json | tail -1 | jq -r '.images[].path'
    limner show --json | jq -r 'select(.outcome == "image") | .prompt'
    limner tree --json | jq -r '[.number, (.parents | join(","))] | @tsv'
    limner check "a red kite" --json | jq -r '[.decision, .rule // "-"] | @tsv'
    limner ledger --by day --json | jq -r '[.key, .currency, .spent // "unknown"] | @tsv'
    limner doctor --json | jq -r 'select(.status == "wrong") | .hint'
    limner doctor --probe --yes --json | jq -r '[.fact, .supported, .evidence] | @tsv'
    limner doctor --sandwich --through "$URL" --key-env KEY --json |
      jq -r 'select(.passed | not) | .name as $n | .differences[] | select(.harmless | not) |
        [$n, .kind, .where] | @tsv'

This page is written by `docs/make_cli.py`.
"""


def page() -> str:
    from agent.doors.cli import COMMANDS, cli

    parts = [TOP]
    context = click.Context(cli, info_name="limner", max_content_width=96, terminal_width=96)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if command is not None and not command.hidden:
            parts += _help(command, context, f"limner {name}")
    return "\n".join(parts)


def _help(command: click.Command, parent: click.Context, title: str) -> list[str]:
    name = title.rsplit(" ", 1)[1]
    own = click.Context(
        command, info_name=name, parent=parent, max_content_width=96, terminal_width=96
    )
    text = "\n".join(line.rstrip() for line in command.get_help(own).splitlines())
    parts = [f"## {title}\n\n```text\n{text}\n```\n"]
    if isinstance(command, click.Group):
        for below in command.list_commands(own):
            inner = command.get_command(own, below)
            if inner is not None:
                parts += _help(inner, own, f"{title} {below}")
    return parts


if __name__ == "__main__":
    (HERE / "cli.md").write_text(page(), encoding="utf-8")
