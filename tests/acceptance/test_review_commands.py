"""`agents review` and `agents curators` as a user types them, the container's command included. All facts FICTIONAL."""

from __future__ import annotations

import re
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from tests.commands import Ended, free_port, run, start

ROOT = Path(__file__).resolve().parents[2]
CERTIFICATE, KEY = (str(ROOT / "tests" / "data" / f"loopback-{what}.pem") for what in ("cert", "key"))


def agents(home: Path, *words: str) -> Ended:
    return run(home, "agents", *words, "--db", str(home / "cases.sqlite"))


@contextmanager
def reviewing(home: Path, *words: str) -> Iterator[str]:
    """The link that a served page prints."""
    process = start(
        home, "agents", "review", *words, "--db", str(home / "cases.sqlite"), PYTHONUNBUFFERED="1"
    )
    assert process.stdout is not None
    try:
        yield next(
            found[0]
            for line in process.stdout
            if (found := re.search(r"https?://\S+/enter\?token=\S+", line))
        )
    finally:
        process.terminate()
        process.communicate(timeout=20)


def answer(url: str, **headers: str) -> int:
    asked = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=20, context=unchecked()) as got:
            return int(got.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def unchecked() -> ssl.SSLContext:
    """Takes any certificate: which one is served is compared by its bytes."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    return made


def listening_on(port: int) -> set[str]:
    """The addresses of this machine at which somebody listens on a port, as the kernel lists them."""
    rows = [
        row.split()
        for name in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    found = [address.split(":") for _, address, _, state, *_ in rows if state == "0A"]
    return {
        socket.inet_ntoa(bytes.fromhex(at)[::-1]) if len(at) == 8 else at
        for at, p in found
        if int(p, 16) == port
    }


def test_the_printed_link_lets_in_once_and_only_on_this_machine(tmp_path: Path) -> None:
    with reviewing(tmp_path, "--port", "0", "--name", "Ann") as link:
        assert link.startswith("http://127.0.0.1:")
        assert [answer(link), answer(link)] == [200, 401]
        assert answer(link, Host="evil.example") == 403
        assert listening_on(int(link.split(":")[2].split("/")[0])) == {"127.0.0.1"}


def test_curators_have_links_of_their_own(tmp_path: Path) -> None:
    assert "Nobody yet" in agents(tmp_path, "curators", "list").out
    added = agents(
        tmp_path, "curators", "add", "Ann", "--address", "https://review.example.org/", "--json"
    ).json
    assert added["link"] == f"https://review.example.org/enter?token={added['token']}"
    twice = agents(tmp_path, "curators", "add", "Ann")
    assert (twice.code, twice.out) == (2, "")
    assert "take a name that is not taken" in twice.err
    newer = agents(tmp_path, "curators", "link", "Ann", "--json").json
    assert agents(tmp_path, "curators", "list", "--json").json == ["Ann"]
    with reviewing(tmp_path, "--port", "0", "--name", "Bob") as link:
        base = link.partition("/enter")[0]
        assert answer(f"{base}/enter?token={added['token']}") == 401
        assert [answer(f"{base}/enter?token={newer['token']}") for _ in range(2)] == [200, 200]
        assert answer(f"{base}/api/cases", Authorization=f"Bearer {newer['token']}") == 200


def test_other_machines_are_not_served_in_the_clear(tmp_path: Path) -> None:
    for words in (
        ("--tls-cert", CERTIFICATE),
        ("--host", "0.0.0.0"),
        ("--host", "0.0.0.0", "--proxy", "http://review.example.org"),
    ):
        refused = agents(tmp_path, "review", *words)
        assert (refused.code, refused.out) == (2, "")
        assert "TLS" in refused.err or "--tls-cert" in refused.err
        assert "Traceback" not in refused.err


def test_the_containers_command_serves(tmp_path: Path) -> None:
    """As docker-compose.yml has it, at another port: the engine itself was not at hand."""
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    command, *words = (re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", word) for word in composed["review"]["command"])
    assert command == "review"
    assert (
        composed["postgres"]["environment"]["POSTGRES_DB"]
        in composed["review"]["environment"]["PSYCHOHISTORY_DB"]
    )
    port = str(free_port())
    with reviewing(tmp_path, *(word.replace("8765", port) for word in words), "--port", port) as link:
        assert link.startswith(f"http://127.0.0.1:{port}/")
        assert answer(link) == 200
        for name in ("other.example", socket.gethostname()):
            assert answer(link, Host=f"{name}:{port}") == 403, "the proxy's address alone"


def test_another_address_is_served_with_tls_under_the_names_of_this_machine(tmp_path: Path) -> None:
    with reviewing(
        tmp_path, "--host", "0.0.0.0", "--port", "0", "--tls-cert", CERTIFICATE, "--tls-key", KEY
    ) as link:
        name, _, port = link.removeprefix("https://").partition("/")[0].partition(":")
        assert name == socket.gethostname()
        here = link.replace(f"//{name}:", "//127.0.0.1:")
        assert answer(here, Host=f"evil.example:{port}") == 403
        assert answer(here, Host=f"{name}:{port}") == 200
        plain = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
        with unchecked().wrap_socket(plain) as guarded:
            served = guarded.getpeercert(binary_form=True)
    shipped = Path(CERTIFICATE).read_text()
    assert served == ssl.PEM_cert_to_DER_cert(shipped[shipped.index("-----BEGIN") :])
