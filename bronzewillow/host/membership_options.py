"""The words of joining a cluster and of leaving it, which `bronzewillow` and `llm-kubelet` both take.

What they mean is llm-kubelet's business. `bronzewillow` runs it, and says to it again what it was told.
"""

from __future__ import annotations

from collections.abc import Sequence

import click
from click.core import ParameterSource

from bronzewillow.host.options import FilePath, Seconds
from bronzewillow.host.paths import identity_folder

TOKEN_VARIABLE = "BRONZEWILLOW_TOKEN"
_KUBEADM = ("kubeadm", "join")


def _server(context: click.Context, parameter: click.Parameter, words: tuple[str, ...]) -> str | None:
    """The address; what comes before it where all of kubeadm's line was pasted is left out."""
    rest = words[len(_KUBEADM) :] if words[: len(_KUBEADM)] == _KUBEADM else words
    if len(rest) > 1 or any(word.split() != [word] for word in rest):
        # not shown: a secret may be among them
        raise click.UsageError(
            "there is one SERVER: write HOST:PORT --token-file FILE --ca-cert-hash sha256:..., or paste what "
            "`kubeadm token create --print-join-command` prints, without quotes"
        )
    return rest[0] if rest else None


def home_option() -> click.Option:
    """`--home`."""
    return click.Option(
        ["--home"], type=FilePath(), default=identity_folder,
        show_default="kubelet in the user's state folder", help="Where the node keeps its identity.",
    )  # fmt: skip


def join_words() -> list[click.Parameter]:
    """Of joining; `address` or `server` is the API server's address."""
    return [
        click.Argument(["address"], nargs=-1, callback=_server, metavar="[SERVER]"),
        click.Option(["--server"], metavar="URL", help="The same as SERVER, such as https://10.0.0.1:6443."),
        click.Option(
            ["--token"], envvar=TOKEN_VARIABLE, metavar="ID.SECRET",
            help="A bootstrap token. Other users of this machine may see it here for a moment: --token-file, "
            f"or the variable {TOKEN_VARIABLE}, is better.",
        ),
        click.Option(["--token-file"], type=FilePath(allow_dash=True), help="A file with it; - for stdin."),
        click.Option(
            ["--ca-cert-hash", "--discovery-token-ca-cert-hash", "pins"], multiple=True, metavar="sha256:HEX",
            help="The authority that the cluster must have; may be repeated.",
        ),
        click.Option(
            ["--unsafe-skip-ca-verification", "--discovery-token-unsafe-skip-ca-verification"], is_flag=True,
            help="Without a hash: the token alone proves the cluster, so that whoever has it can play it.",
        ),
        click.Option(
            ["--kubeconfig"], type=FilePath(),
            help="Credentials that may ask for a node's certificate; instead of SERVER, token and hash.",
        ),
        home_option(),
        click.Option(
            ["--print-setup"], is_flag=True,
            help="Print what an administrator applies before Macs join, and exit.",
        ),
    ]  # fmt: skip


def leave_words() -> list[click.Parameter]:
    """Of leaving."""
    return [
        home_option(),
        click.Option(
            ["--timeout"], type=Seconds(min=0), default=300.0, show_default=True,
            help="Seconds for pods to end.",
        ),
        click.Option(
            ["--force"], is_flag=True,
            help="Delete pods that do not end, and leave though the cluster does not answer.",
        ),
        click.Option(
            ["--kubeconfig"], type=FilePath(), help="An administrator's, to delete the Node object too."
        ),
    ]  # fmt: skip


def said(context: click.Context, words: Sequence[click.Parameter]) -> list[str]:
    """What of these its user has written, to be written again."""
    found: list[str] = []
    for word in words:
        name = word.name or ""
        if context.get_parameter_source(name) is not ParameterSource.COMMANDLINE:
            continue
        value = context.params[name]
        for one in value if word.multiple else (value,):
            if isinstance(word, click.Argument):
                found += [one] if one is not None else []
            elif isinstance(word, click.Option) and word.is_flag:
                found.append(word.opts[0])
            else:
                found += [word.opts[0], str(one)]
    return found
