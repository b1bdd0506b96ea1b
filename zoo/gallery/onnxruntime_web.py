"""The files of onnxruntime-web, from the npm registry, that run the models in the browser.

They are not shipped: `onnxruntime_web.json` pins the version and the digest of each.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from zoo.errors import ChecksumError, MissingDependencyError

FOLDER = "node_modules/onnxruntime-web/dist"
_HERE = Path(__file__).parent
_PLACES = (Path(), _HERE.parent.parent / "docs" / "gallery")


def pinned() -> Any:
    """The `version`, and `size` and `sha256` of each of the `files`."""
    return json.loads((_HERE / "onnxruntime_web.json").read_text("utf-8"))


def read(folder: Path | None = None) -> dict[str, bytes]:
    """The files from `folder`, by default from `node_modules` here or in the checkout.

    Raises MissingDependencyError where they are not, ChecksumError where they are others.
    """
    version = pinned()["version"]
    folder = folder or _found(version)
    content = {}
    for name, pin in pinned()["files"].items():
        try:
            content[name] = (folder / name).read_bytes()
        except OSError as error:
            raise MissingDependencyError(
                f"{folder} has no {name} ({error.strerror}): give the folder dist of "
                f"onnxruntime-web {version}."
            ) from None
        found = hashlib.sha256(content[name]).hexdigest()
        if found != pin["sha256"]:
            raise ChecksumError(
                f"{folder / name} has sha256 {found}, that of onnxruntime-web {version} has "
                f"{pin['sha256']}: install that version."
            )
    return content


def _found(version: str) -> Path:
    for place in _PLACES:
        if (place / FOLDER).is_dir():
            return place / FOLDER
    raise MissingDependencyError(
        "onnxruntime-web, which runs the models in the browser, is not here: "
        f"run npm install --ignore-scripts onnxruntime-web@{version} in this folder, "
        "or make gallery in a checkout."
    )
