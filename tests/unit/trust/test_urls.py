import ipaddress
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelhubd.trust.urls import fault_in_url, is_public_address, origin_of, origins_of


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/model.gguf",
        "https://example.com:443/model.gguf",
        "https://cdn.example.com/a/b%20c.gguf?signature=a%2Fb&x=..",
        "https://8.8.8.8/model.gguf",
        "https://[2606:4700::1111]/model.gguf",
        "https://EXAMPLE.com/a...b/.hidden",
        "https://xn--bcher-kva.example/x",
    ],
)
def test_a_public_https_url_may_be_fetched(url: str) -> None:
    assert fault_in_url(url, ()) is None


REFUSED = {
    "http": "http://example.com/x",
    "file": "file:///etc/passwd",
    "file with a host": "file://example.com/etc/passwd",
    "ftp": "ftp://example.com/x",
    "data": "data:text/plain,x",
    "javascript": "javascript:alert(1)",
    "no scheme": "example.com/x",
    "no host": "https:///x",
    "empty": "",
    "user": "https://user@example.com/x",
    "password": "https://user:pw@example.com/x",
    "empty user": "https://@example.com/x",
    "host in disguise": "https://example.com\\@evil.example/x",
    "fragment": "https://example.com/x#y",
    "empty fragment": "https://example.com/x#",
    "port": "https://example.com:8443/x",
    "port 0": "https://example.com:0/x",
    "port 99999": "https://example.com:99999/x",
    "port of letters": "https://example.com:http/x",
    "space": "https://example.com/a b",
    "newline": "https://example.com/x\n",
    "control": "https://example.com/\x01",
    "not ASCII": "https://exаmple.com/x",
    "half an escape": "https://example.com/%2",
    "dots": "https://example.com/a/../b",
    "dot": "https://example.com/a/./b",
    "escaped dots": "https://example.com/a/%2e%2e/b",
    "half-escaped dots": "https://example.com/a/.%2E/b",
    "doubly escaped dots": "https://example.com/a/%252e%252e/b",
    "dots behind an escaped slash": "https://example.com/a%2f..%2fb",
    "dots behind an escaped backslash": "https://example.com/a%5c..%5cb",
    "NUL": "https://example.com/a%00b",
    "localhost": "https://localhost/x",
    "below localhost": "https://x.localhost/x",
    "one label": "https://intranet/x",
    "local": "https://printer.local/x",
    "internal": "https://metadata.google.internal/x",
    "loopback": "https://127.0.0.1/x",
    "short loopback": "https://127.1/x",
    "loopback as a number": "https://2130706433/x",
    "loopback in hex": "https://0x7f000001/x",
    "loopback in octal": "https://0177.0.0.1/x",
    "loopback with hex part": "https://127.0.0.0x1/x",
    "loopback with a dot": "https://127.0.0.1./x",
    "private": "https://192.168.1.1/x",
    "metadata": "https://169.254.169.254/latest/meta-data",
    "IPv6 loopback": "https://[::1]/x",
    "mapped metadata": "https://[::ffff:169.254.169.254]/x",
    "zone": "https://[fe80::1%25eth0]/x",
    "host with a bad character": "https://exa$mple.com/x",
    "host with an empty label": "https://example..com/x",
    "label with a hyphen first": "https://-example.com/x",
    "long host": "https://" + ".".join(["a" * 60] * 5) + "/x",
    "bad brackets": "https://[::1/x",
    "long": "https://example.com/" + "a" * 5000,
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED.keys())
def test_every_other_url_is_refused_with_a_reason(url: str) -> None:
    reason = fault_in_url(url, ())
    assert reason
    assert reason.isprintable()


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000/x", "HTTP://127.0.0.1:8000/x", "https://models.internal:8443/x?y"]
)
def test_an_allowed_origin_may_be_http_private_and_on_a_port(url: str) -> None:
    assert fault_in_url(url, ()) is not None
    assert (
        fault_in_url(url, ["http://127.0.0.1:8000/", "https://MODELS.internal:8443", "not an origin"]) is None
    )


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8001/x",
        "https://127.0.0.1:8000/x",
        "http://127.0.0.1:8000.evil.example/x",
        "http://user@127.0.0.1:8000/x",
        "http://127.0.0.1:8000/x#y",
        "http://127.0.0.1:8000/../x",
        "file://127.0.0.1:8000/x",
    ],
)
def test_an_allowed_origin_allows_nothing_but_itself(url: str) -> None:
    assert fault_in_url(url, ["http://127.0.0.1:8000"]) is not None


@given(st.text() | st.text(alphabet="htps:/.@#?%[]01a\\").map(lambda tail: f"https://{tail}"))
def test_any_text_gets_an_answer(url: str) -> None:
    reason = fault_in_url(url, ["http://localhost:1"])
    assert reason is None or reason.isprintable()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Example.COM/a", "https://example.com"),
        ("HTTPS://example.com:443", "https://example.com"),
        ("http://example.com:80/", "http://example.com"),
        ("http://example.com:443/", "http://example.com:443"),
        ("https://[2606:4700::1]:8443/x", "https://[2606:4700::1]:8443"),
        ("https://[2606:4700::1]/x", "https://[2606:4700::1]"),
    ],
)
def test_an_origin_is_lower_case_without_a_default_port(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize("url", ["", "example.com", "https://", "https://a:b/", "https://a:70000/", "//a/b"])
def test_what_has_no_origin_is_an_error(url: str) -> None:
    with pytest.raises(ValueError):
        origin_of(url)


@pytest.mark.parametrize(
    "ip",
    ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"],
)
def test_public_addresses_are_public(ip: str) -> None:
    assert is_public_address(ip)


NOT_PUBLIC = (
    "0.0.0.0 10.1.2.3 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 "
    "172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1 198.18.0.1 "
    "198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1 255.255.255.255 "
    ":: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:7f00:1 ::ffff:0:127.0.0.1 "
    "fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1 100::1 2001::1 2001:10::1 2001:db8::1 "
    "3fff::1 5f00::1 2002:7f00:1::1 2002:a00:1:: 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 "
    "2606:4700::1%1 127.1 0x7f.0.0.1 0177.0.0.1 2130706433 010.0.0.1 8.8.8.8.8 localhost 8.8.8.8/32"
)


@pytest.mark.parametrize("ip", [*NOT_PUBLIC.split(), "", " 8.8.8.8", "8.8.8.8\n"])
def test_private_special_and_odd_addresses_are_not_public(ip: str) -> None:
    assert not is_public_address(ip)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_alike_in_every_wrapping(address: ipaddress.IPv4Address) -> None:
    public = is_public_address(str(address))
    number = int(address)
    for wrapped in (
        (0xFFFF << 32) | number,
        (0x64FF9B << 96) | number,
        (0x2002 << 112) | (number << 80) | 1,
    ):
        assert is_public_address(str(ipaddress.IPv6Address(wrapped))) is public
    if public:
        assert address.is_global
        assert not address.is_multicast


@given(st.ip_addresses(v=6))
def test_a_public_ipv6_address_is_one_that_python_calls_global_too(address: ipaddress.IPv6Address) -> None:
    if is_public_address(str(address)) and address.ipv4_mapped is None:
        assert address.is_global
        assert not address.is_site_local
        assert socket.inet_pton(socket.AF_INET6, str(address))


def test_the_origins_of_many_leave_out_what_has_none() -> None:
    many = ["HTTPS://Models.Example:443/x", "https://models.example", "nothing", "http://a:1/b"]
    assert origins_of(many) == {"https://models.example", "http://a:1"}
