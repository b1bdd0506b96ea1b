"""`zoo sign`: a hub's manifest, and with it every file that it names, signed with a key."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zoo.cli.exits import say


def sign(
    folder: Annotated[
        Path,
        typer.Argument(metavar="FOLDER", help="The hub's folder.", show_default=False),
    ],
    key: Annotated[
        Path,
        typer.Option(
            "--key",
            metavar="PRIVATE.pem",
            help="An elliptic-curve key: P-256, P-384 or P-521.",
            show_default=False,
        ),
    ],
) -> None:
    """Sign the hub in a folder: writes weights_manifest.sig beside its manifest.

    Every file that the manifest names is hashed first. A key with a password asks for it.

    \b
    Examples:
      zoo sign my-hub --key private.pem
    """
    from zoo.atomic import write_atomically
    from zoo.errors import SignatureError
    from zoo.hub_folder import alone
    from zoo.hubs import check_at_hub, read_folder
    from zoo.signatures import SIGNATURE_NAME, needs_password
    from zoo.signatures import sign as sign_manifest

    content, hub = read_folder(folder)
    files = {one.file: one for own in hub.records.values() for one in own.artifacts.values()}
    for artifact in files.values():
        check_at_hub(artifact)
    password = typer.prompt("Password", hide_input=True, err=True) if needs_password(key) else None
    signature = sign_manifest(content, key, password)
    path = Path(hub.address.place, SIGNATURE_NAME)
    try:
        with alone(path.parent):
            if read_folder(folder)[0] != content:
                raise SignatureError(f"{folder} changed while it was signed: sign it again.")
            write_atomically(path, signature)
    except OSError as error:
        raise SignatureError(f"{path} cannot be written: {error.strerror}.") from None
    typer.echo(path)
    say(f"{len(hub.records)} records with {len(files)} files signed, manifest {hub.digest}.")
