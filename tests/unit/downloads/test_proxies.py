"""Which proxy the environment asks for."""

import pytest

from modelhubd.downloads.proxies import proxy_for

HTTPS = "https://models.example.org/a.gguf"
BOTH = {"http_proxy": "http://one:1", "https_proxy": "http://two:2"}


@pytest.mark.parametrize(
    ("url", "environ", "proxy"),
    [
        (HTTPS, {}, None),
        (HTTPS, BOTH, "http://two:2"),
        (HTTPS, {"HTTPS_PROXY": "two:2"}, "two:2"),
        (HTTPS, {"https_proxy": "", "ALL_PROXY": "socks5h://s"}, "socks5h://s"),
        ("http://models.example.org/a", BOTH, "http://one:1"),
        ("http://models.example.org/a", {"HTTP_PROXY": "http://planted:1"}, None),
        (HTTPS, {**BOTH, "no_proxy": "*"}, None),
        (HTTPS, {**BOTH, "NO_PROXY": "other.org, .example.org"}, None),
        (HTTPS, {**BOTH, "no_proxy": "example.org"}, None),
        (HTTPS, {**BOTH, "no_proxy": "ample.org,models.example"}, "http://two:2"),
        ("https://10.1.2.3/a", {**BOTH, "no_proxy": "10.0.0.0/8"}, None),
        ("https://[fd00::1]/a", {**BOTH, "no_proxy": "[fd00::1]"}, None),
        ("https://10.1.2.3/a", {**BOTH, "no_proxy": "10.1.2.4"}, "http://two:2"),
        ("http://127.0.0.1:9/a", BOTH, None),
        ("http://[::1]:9/a", BOTH, None),
        ("http://localhost:9/a", BOTH, None),
    ],
)
def test_the_proxy_is_the_one_that_curl_would_take(
    url: str, environ: dict[str, str], proxy: str | None
) -> None:
    assert proxy_for(url, environ) == proxy
