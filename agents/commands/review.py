"""`agents review`: the review page, on this machine unless something guards it elsewhere."""

from __future__ import annotations

import getpass
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import click

from agents.commands.opening import opened_store, store_option
from corpus.addresses import is_loopback
from corpus.errors import InvalidInput
from db.curators import Curators

PORT = 8765
BACKLOG = 128
EVERYWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not listened on
"""All addresses of this machine: no address that anybody could type."""
DEFAULT_PORTS = {"http": 80, "https": 443}


@click.command(epilog="Example: agents review --name Ann")
@click.option("--name", help="Who you are. Default: your account's name on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0 takes a free one."
)
@click.option(
    "--tls-cert", type=click.Path(exists=True, dir_okay=False), help="Certificate, for another --host."
)
@click.option("--tls-key", type=click.Path(exists=True, dir_okay=False), help="Its key.")
@click.option(
    "--proxy", metavar="URL", help="The address people type, where a reverse proxy stands in front."
)
@click.option(
    "--guidelines", type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your own guidelines, a Markdown file.",
)  # fmt: skip
@store_option
def review(
    name: str | None,
    host: str,
    port: int,
    tls_cert: str | None,
    tls_key: str | None,
    proxy: str | None,
    guidelines: Path | None,
    db: str | None,
) -> None:
    """Serve the review page and print a link that lets you in once.

    Colleagues get links of their own: agents curators add NAME. Another address than this machine's own needs
    --tls-cert and --tls-key, or --proxy with the address of the reverse proxy in front.
    """
    import uvicorn

    from agents.curator.application import create_app
    from agents.curator.guidelines import read_guidelines
    from agents.curator.settings import ReviewSettings, session_key

    if bool(tls_cert) != bool(tls_key):
        raise InvalidInput("--tls-cert and --tls-key go together; one of them is missing.")
    tls = tls_cert is not None
    check_exposure(host, tls=tls, proxy=proxy)
    read_guidelines(guidelines)
    store = opened_store(db)
    curator = _curator(Curators(store), name)
    listening = _listen(host, port)
    port = listening.getsockname()[1]
    origin = proxy.rstrip("/") if proxy else f"{'https' if tls else 'http'}://{_shown(host)}:{port}"
    more = own_names(host) if proxy is None else ()
    settings = ReviewSettings(
        accepted_hosts(origin, port, more), origin, session_key(_key_file()), guidelines=guidelines
    )
    app = create_app(store, settings)
    threading.Thread(target=app.state.desk.warm, daemon=True).start()
    click.echo(f"Store: {store.place}")
    click.echo(
        f"Open this link once, as {curator}: {origin}/enter?token={app.state.gate.one_time_token(curator)}"
    )
    click.echo("Stop with Ctrl-C.", err=True)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, ssl_certfile=tls_cert, ssl_keyfile=tls_key,
        proxy_headers=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])
    store.close()


def check_exposure(host: str, *, tls: bool, proxy: str | None) -> None:
    """Refuse to serve other machines in the clear."""
    if proxy is not None:
        parts = urlsplit(proxy)
        safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))
        if not safe or not parts.hostname:
            raise InvalidInput(f"{proxy!r} is no https address; a proxy for other machines must speak TLS.")
        return
    if not is_loopback(host) and not tls:
        raise InvalidInput(
            f"{host} can be reached by other machines; add --tls-cert and --tls-key, or --proxy https://… "
            "with the address of the reverse proxy in front."
        )


def own_names(host: str) -> frozenset[str]:
    """The names by which this machine knows itself, where it listens on all of its addresses."""
    if host not in EVERYWHERE:
        return frozenset()
    name = socket.gethostname()
    try:
        addresses = socket.gethostbyname_ex(name)[2]
    except OSError:  # a machine need not be able to look itself up
        addresses = []
    return frozenset({name, socket.getfqdn(), *addresses})


def accepted_hosts(origin: str, port: int, more: Iterable[str] = ()) -> frozenset[str]:
    """Host headers that are answered: the origin's own, `more`, and this machine's names where it is one of them."""
    parts = urlsplit(origin)
    names = {parts.hostname or "", *more}
    if is_loopback(parts.hostname or ""):
        names |= {"127.0.0.1", "localhost", "[::1]"}
    own = parts.port or DEFAULT_PORTS.get(parts.scheme, port)
    found = {f"{name}:{own}" for name in names}
    return frozenset(found | names if own == DEFAULT_PORTS.get(parts.scheme) else found)


def _curator(curators: Curators, name: str | None) -> str:
    """The curator of the printed link, added where they are new."""
    wanted = name or getpass.getuser()
    if wanted not in curators.names():
        curators.add(wanted)
    return wanted


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
        made.listen(
            BACKLOG
        )  # the link is printed before the server accepts: who is quick waits, and is not refused
    except OSError as fault:
        raise InvalidInput(f"{host}:{port} cannot be used: {fault.strerror}; name another --port.") from fault
    return made


def _shown(host: str) -> str:
    if host in EVERYWHERE:
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host


def _key_file() -> Path:
    from platformdirs import user_data_path

    return user_data_path("psychohistory", ensure_exists=True) / "review.key"
