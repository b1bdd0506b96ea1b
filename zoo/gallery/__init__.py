"""The gallery: a static site on which every published model runs in the visitor's browser."""

from __future__ import annotations

from zoo.gallery.serving import gallery_server
from zoo.gallery.site import build_site

__all__ = ["build_site", "gallery_server"]
