"""Folders as mounted Secrets of type kubernetes.io/tls are, for holders that one authority knows."""

import shutil
from pathlib import Path

from cluster.certificates import Authority, Pair
from seedmill.serving.identity import dns_name


def tls_folder(authority: Authority, folder: Path, name: str, *more: str) -> Path:
    """A new certificate of this authority for the holder of this name, in `folder`, over what lies there."""
    pair = authority.server(f"{folder.name}-{name}", [f"DNS:{dns_name(name)}", *more])
    put(folder, pair, authority.pair.certificate)
    return folder


def put(folder: Path, pair: Pair, authority: Path) -> None:
    """Exchange the folder's files."""
    folder.mkdir(exist_ok=True)
    for source, name in ((pair.certificate, "tls.crt"), (pair.key, "tls.key"), (authority, "ca.crt")):
        shutil.copy(source, folder / name)
