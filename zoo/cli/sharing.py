"""`zoo push` and `zoo mirror`: published weights for others to fetch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zoo.cli import showing
from zoo.cli.arguments import Json, complete_name, folder
from zoo.cli.exits import say
from zoo.cli.showing import Column
from zoo.figures import file_size

if TYPE_CHECKING:
    from zoo.sharing.mirror import SharedFile
    from zoo.sharing.release import Wanted

Hub = Annotated[
    Path | None,
    typer.Option(
        "--hub",
        parser=folder,
        metavar="DIR",
        help="The folder hub that has the names; by default the package.",
        show_default=False,
    ),
]


def mirror(
    out: Annotated[
        Path,
        typer.Argument(
            parser=folder, metavar="DIR", help="The folder of the mirror.", show_default=False
        ),
    ],
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Names or patterns such as 'lenet.*'; by default all published weights.",
            autocompletion=complete_name,
            show_default=False,
        ),
    ] = None,
    hub: Hub = None,
    json: Json = False,
) -> None:
    """Write a static mirror: a folder with manifest, files, digests and a page to look at.

    Any web server can hand it out, and ZOO_MIRROR can name it. Run again, it checks every file that
    is there, brings what is missing or damaged, and adds what is new. A published record never
    changes: where DIR has one of that name with other bytes, nothing is written.

    \b
    Examples:
      zoo mirror /srv/zoo
      zoo mirror /srv/zoo 'lenet.*' mlp.mnist
      zoo mirror /srv/zoo --hub my-hub --json
    """
    from zoo.sharing.release import Wanted

    _mirror(out, Wanted(names or ["*"], hub=hub), json)


def push(
    things: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME|RUN...",
            help="Names or patterns of published weights, or folders of finished runs.",
            autocompletion=complete_name,
            show_default=False,
        ),
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help="hf://owner/repository, hf://owner/repository@branch, or a folder.",
            show_default=False,
        ),
    ],
    hub: Hub = None,
    private: Annotated[
        bool, typer.Option("--private", help="Make the repository private, where it is made.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Publish weights in a repository on the Hugging Face Hub, or in a folder as a static mirror.

    One commit brings the weights, the graph, a self-contained ONNX file, the vocabulary, the
    manifest, digests and a model card. It is done when every file was read back and hashed.
    Run again after a cut, it goes on from what is there. A run is measured first, as by
    zoo publish. A published record never changes.

    The token is that of `hf auth login`, or of HF_TOKEN; it is never shown. Needs
    pip install 'gluon-zoo[hub]'.

    \b
    Examples:
      zoo push lenet.mnist hf://me/lenet --dry-run
      zoo push lenet.mnist 'mlp.*' hf://me/digits --private
      zoo push runs/lenet.mnist hf://me/lenet
      zoo push runs/lenet.mnist /srv/zoo
    """
    from zoo.sharing.push import push as push_records
    from zoo.sharing.repository import SCHEME

    wanted = _wanted(things, hub)
    if not target.startswith(SCHEME):
        if "://" in target or private or dry_run:
            raise typer.BadParameter(
                "is hf://owner/repository, or a folder without --private and --dry-run.",
                param_hint="TARGET",
            )
        _mirror(folder(target, "TARGET"), wanted, json)
        return
    pushed = push_records(target, wanted, private=private, dry_run=dry_run, say=say)
    if json:
        files = [vars(one) for one in pushed.files]
        showing.print_json({"repository": target, "commit": pushed.commit, "files": files})
        return
    _print(pushed.files)
    if dry_run:
        say(f"{_sum(pushed.sent)} would be sent to {target}; nothing was.")
    elif not pushed.sent:
        say(f"Nothing to send: {target} has it all, read back and verified.")
    else:
        say(f"{_sum(pushed.sent)} sent to {target}, read back and verified.")


def _mirror(out: Path, wanted: Wanted, json: bool) -> None:
    from zoo.sharing.mirror import KEPT
    from zoo.sharing.mirror import mirror as write_mirror

    files = write_mirror(out, wanted)
    if json:
        documents = [vars(one) for one in files]
        showing.print_json({"folder": str(out), "files": documents})
        return
    _print(files)
    written = [one for one in files if one.state != KEPT]
    say(f"{_sum(files)} in {out}, {len(written) or 'none'} of them written now.")


def _wanted(things: Sequence[str], hub: Path | None) -> Wanted:
    """Runs are told from names by their run.json, or by being a path.

    Raises BadParameter for what is at another hub.
    """
    from zoo.sharing.release import Wanted

    for one in things:
        if "://" in one or "::" in one:
            raise typer.BadParameter(
                f"{one!r} is at another hub; give names of published weights, those of a folder "
                "with --hub DIR, or folders of finished runs.",
                param_hint="NAME|RUN",
            )
    runs = [one for one in things if "/" in one or Path(one, "run.json").is_file()]
    return Wanted([one for one in things if one not in runs], [Path(one) for one in runs], hub)


def _print(files: Sequence[SharedFile]) -> None:
    columns = [Column("file"), Column("size", right=True), Column("state")]
    showing.print_table(columns, [[one.file, file_size(one.size), one.state] for one in files])


def _sum(files: Sequence[SharedFile]) -> str:
    return f"{len(files)} files, {file_size(sum(one.size for one in files))},"
