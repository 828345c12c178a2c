"""The options of TLS between services, the same for all commands that have them."""

from pathlib import Path
from typing import Annotated

import typer

TlsOption = Annotated[
    Path | None,
    typer.Option(
        envvar="SEEDMILL_TLS",
        metavar="FOLDER",
        help="Folder with tls.crt, tls.key and ca.crt: TCP speaks TLS, with a certificate on both sides.",
        show_default=False,
    ),
]
CallersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-caller",
        envvar="SEEDMILL_ALLOW_CALLERS",
        metavar="NAME",
        help="Who may call over TLS, by the name in the certificate; may be repeated.",
        show_default=False,
    ),
]
