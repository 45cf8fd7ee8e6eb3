"""``chat``: the command. The conversation behind it is in ``talk.py``."""

from __future__ import annotations

from typing import Unpack

import click

from .flags import ChatFlags, hidden_artist_flags, picture_flags, server_flags


@click.command()
@click.option("-s", "--session", metavar="SESSION", help="Go on in this session.")
@click.option("-c", "--continue", "continue_", is_flag=True, help="Go on in the newest session.")
@click.option(
    "--images",
    type=click.Choice(["auto", "kitty", "iterm2", "sixel", "blocks", "none"]),
    default="auto",
    show_default=True,
    help="How pictures are shown in the terminal.",
)
@click.option("-o", "--output", metavar="FOLDER/|TEMPLATE", help="Where pictures are copied to.")
@picture_flags
@server_flags
@hidden_artist_flags
def chat(**flags: Unpack[ChatFlags]) -> int:
    """Talk a picture into being, turn by turn; /help lists the commands.

    Each sentence changes the picture that the prompt names. From a pipe, each line is a turn.
    """
    from .talk import talk

    return talk(flags)
