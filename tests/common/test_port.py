import os
import socket
from urllib.request import proxy_bypass

import pytest

from ganpipe.common.errors import UserError
from ganpipe.common.port import LOCALHOST, bypass_proxies, check_port_free, print_server_address


def test_local_server_is_printed_with_the_ssh_command(capsys: pytest.CaptureFixture[str]) -> None:
    print_server_address(LOCALHOST, 7860, "/#/runs")
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0] == "http://127.0.0.1:7860/#/runs  (Ctrl-C ends it)"
    assert f"ssh -L 7860:127.0.0.1:7860 {socket.gethostname()}" in shown.out
    assert shown.err == ""


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", f"http://{socket.gethostname()}:7860"),
        ("::", f"http://{socket.gethostname()}:7860"),
        ("192.0.2.7", "http://192.0.2.7:7860"),
        ("2001:db8::7", "http://[2001:db8::7]:7860"),
        ("example.org", "http://example.org:7860"),
    ],
)
def test_reachable_server_is_printed_with_a_warning(
    host: str, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    print_server_address(host, 7860)
    shown = capsys.readouterr()
    assert shown.out.splitlines()[0].split() == [address, "(Ctrl-C", "ends", "it)"]
    assert "ssh" not in shown.out
    assert f"--host {host}: every machine that can reach this one" in shown.err and "password" in shown.err


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_loopback_hosts_need_no_warning(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    print_server_address(host, 7860)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("known", ["", "example.org", "*"])
def test_local_addresses_bypass_proxies(known: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    monkeypatch.setenv("NO_PROXY", known)
    monkeypatch.setenv("no_proxy", known)
    bypass_proxies("192.0.2.7")
    for host in ("127.0.0.1:7860", "localhost:7860", "192.0.2.7:7860"):
        assert proxy_bypass(host)
    assert bool(proxy_bypass("example.org:80")) == (known != "")
    assert not proxy_bypass("example.com:80") or known == "*"


def test_bypass_keeps_what_either_spelling_excludes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "one.example")
    monkeypatch.setenv("no_proxy", "two.example")
    bypass_proxies(LOCALHOST)
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"]
    assert {"one.example", "two.example"} <= set(os.environ["no_proxy"].split(","))


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
def test_port_in_use_is_reported_on_any_host(host: str) -> None:
    with socket.socket() as used:
        used.bind((LOCALHOST, 0))
        used.listen()
        port = used.getsockname()[1]
        with pytest.raises(UserError, match=f"port {port}: cannot be used.* Choose another"):
            check_port_free(port, "Choose another.", host)
    check_port_free(port, "Choose another.", host)


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-host.invalid"])
def test_address_of_another_machine_is_rejected(host: str) -> None:
    with pytest.raises(UserError, match=f"host {host}: not an address of this machine"):
        check_port_free(7860, "Choose another.", host)


@pytest.mark.parametrize("port", [0, -1, 1 << 16])
def test_invalid_port_is_rejected(port: int) -> None:
    with pytest.raises(UserError, match=f"port {port}: not between 1 and 65535. Choose another."):
        check_port_free(port, "Choose another.")
