"""Everything that zoo raises on purpose.

ZooError
 ├─ UnknownModelError       no such model or weights; lists near names
 ├─ UnknownDatasetError     no such dataset; lists near names
 ├─ ConfigError             config contradicts the weights or is out of range, an address that is
 │                          none of a hub (also a ValueError)
 ├─ InputError              a raw input that no prediction can be made from (also a ValueError)
 ├─ ManifestError           a manifest or record that is damaged; names record and field
 ├─ DownloadError           every source with its reason, and where to put the file by hand
 │   └─ OfflineError        the file is not here and the network is switched off
 ├─ SignatureError          a hub's manifest without the signature that is asked for; a wrong key
 ├─ ChecksumError           path, expected and found size or digest; the bad bytes are set aside
 ├─ WeightsError            a weights file that is damaged or does not fit the network
 ├─ DataError               a dataset file that is damaged or of another format
 ├─ ExportError             operator, node, and what is supported
 ├─ PublishError            what may not be published, or could not be, and why
 └─ MissingDependencyError  an optional package that is not installed (also an ImportError)

Wrong Python arguments stay TypeError and ValueError.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZooError(Exception):
    """The root: `except zoo.ZooError` catches whatever zoo raises on purpose."""


class UnknownModelError(ZooError):
    """No model or weights of that name."""


class UnknownDatasetError(ZooError):
    """No dataset of that name."""


class ConfigError(ZooError, ValueError):
    """A configuration that contradicts the weights or is out of range."""


class InputError(ZooError, ValueError):
    """A raw input that cannot be read or has the wrong shape."""


class ManifestError(ZooError):
    """A damaged manifest."""


class DownloadError(ZooError):
    """No source gave the file."""


class OfflineError(DownloadError):
    """The file is neither embedded nor cached, and the network is switched off."""


class SignatureError(ZooError):
    """A manifest that is not signed by the key that is asked for."""


class ChecksumError(ZooError):
    """Bytes that are not the published ones."""


class WeightsError(ZooError):
    """A weights file that is damaged or does not fit the network."""


class DataError(ZooError):
    """A dataset file that is damaged or not what its name says."""


class ExportError(ZooError):
    """A network that cannot be translated exactly."""


class PublishError(ZooError):
    """A run or record that may not be published, or could not be."""


class MissingDependencyError(ZooError, ImportError):
    """An optional package that is not installed."""


def shown(text: str, most: int = 100) -> str:
    """A name that a stranger chose, short and without what a terminal obeys, for a message."""
    cut = text if len(text) <= most else f"{text[:most]}..."
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in cut)


def near(name: str, known: Iterable[str], *, most: int = 3) -> str:
    """The end of a message about an unknown name: `Did you mean 'lenet'?`, or where to look."""
    names = list(known)
    close = difflib.get_close_matches(name.lower(), names, n=most, cutoff=0.5)
    if close:
        return f"Did you mean {' or '.join(repr(one) for one in close)}?"
    return f"Known: {', '.join(names) or 'none'}."
