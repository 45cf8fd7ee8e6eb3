"""``completion``: the script that lets a shell complete commands and flags."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(limner completion bash)"        in ~/.bashrc
    zsh:   eval "$(limner completion zsh)"         in ~/.zshrc
    fish:  limner completion fish > ~/.config/fish/completions/limner.fish
    """  # noqa: D301  click takes a backspace for "leave these lines alone"
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(click.get_current_context().find_root().command, {}, "limner", "_LIMNER_COMPLETE")
    click.echo(made.source_template % made.source_vars())
