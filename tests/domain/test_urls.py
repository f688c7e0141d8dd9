"""URLs are refused where the sender and the admin would read them differently."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import FieldError
from domain.urls import URL_LIMIT, check_proxy, check_url, is_masked_url, mask_url, receiver


def refusal(text: str) -> FieldError:
    with pytest.raises(FieldError) as caught:
        check_url(text)
    assert caught.value.field == "url"
    return caught.value


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://example.com/webhooks/123", "https://example.com/webhooks/123"),
        ("  https://example.com/a  ", "https://example.com/a"),
        ("HTTPS://Example.COM/Path", "https://example.com/Path"),
        ("http://siem:8080", "http://siem:8080"),
        ("http://siem:80/x", "http://siem/x"),
        ("https://siem:443/x", "https://siem/x"),
        ("https://siem:08443/x", "https://siem:8443/x"),
        ("http://127.0.0.1:9000/ok", "http://127.0.0.1:9000/ok"),
        ("http://[::1]:9000/ok", "http://[::1]:9000/ok"),
        ("http://[FD00:0:0::1]/", "http://[fd00::1]/"),
        ("https://log_sink.internal/x", "https://log_sink.internal/x"),
        (
            "https://b\u00fccher.example/\u00fc?q=\u00fc",
            "https://xn--bcher-kva.example/%C3%BC?q=%C3%BC",
        ),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
        ("https://a.example/{id}/100%/%2F?x={y}&z=5%", None),
    ],
)
def test_a_good_url_comes_back_as_it_will_be_used(text: str, url: str | None) -> None:
    expected = url or "https://a.example/%7Bid%7D/100%25/%2F?x={y}&z=5%25"
    assert check_url(text) == expected
    assert check_url(expected) == expected
    assert str(httpx.URL(expected)) == expected


@pytest.mark.parametrize(
    ("text", "reason", "cure"),
    [
        ("", "it is empty", "https://example.com/path"),
        ("example.com/x", "no scheme", "start it with https://"),
        ("//example.com/x", "no scheme", "start it with https://"),
        ("https:/example.com", "no scheme", "start it with https://"),
        ("ws://example.com/", "ws is not supported", "https:// or http://"),
        ("ftp://example.com/", "ftp is not supported", "https:// or http://"),
        ("https:///x", "no host", "https://example.com/path"),
        ("https://:8080/x", "no host", "https://example.com/path"),
        ("https://user:pass@example.com/", "user name or password", "header"),
        ("https://token@example.com/", "user name or password", "header"),
        ("https://good.example\\@evil.example/", "backslash", "/"),
        ("https://example.com/a b", "blank", "%20"),
        ("https://example.com:{port} /", "blank", "%20"),
        ("https://example.com/a\tb", "U+0009", "take it out"),
        ("https://example.com/a\r\nX-Bad: 1", "U+000D", "take it out"),
        ("https://example.com/\x00", "U+0000", "take it out"),
        ("https://example.com/\x1b[31m", "U+001B", "take it out"),
        ("https://example.com/\u202eevil", "U+202E", "take it out"),
        ("https://example.com/\ud800", "U+D800", "take it out"),
        ("https://example.com/#part", "fragment", "leave out #"),
        ("https://example.com/#", "fragment", "leave out #"),
        ("https://example.com/a/../b", "..", "path that is meant"),
        ("https://example.com/.", ".", "path that is meant"),
        ("https://example.com:0/", "'0' is not a port", "1 to 65535"),
        ("https://example.com:99999/", "'99999' is not a port", "1 to 65535"),
        ("https://example.com:-1/", "'-1' is not a port", "1 to 65535"),
        ("https://example.com:/", "'' is not a port", "no colon"),
        ("https://example.com:\uff18\uff10/", "is not a port", "1 to 65535"),
        ("https://fd00::1/", "more than one colon", "in brackets"),
        ("https://[fd00::1", "more than one colon", "in brackets"),
        ("https://[fe80::1%25eth0]/", "zone", "no zone"),
        ("https://[fe80::1%eth0]/", "zone", "no zone"),
        ("https://[v1.x]/", "not an IPv6 address", "[fd00::1]"),
        ("https://[::1]x/", "not an IPv6 address", "[fd00::1]"),
        ("https://localhost./", "ends in a dot", "leave out the last dot"),
        ("https://a..b/", "empty", "siem.example.com"),
        ("https://-a.example/", "no name has", "siem.example.com"),
        ("https://a!b.example/", "no name has", "siem.example.com"),
        ("https://%6c.example/", "no name has", "siem.example.com"),
        (f"https://{'a' * 64}.example/", "too long", "siem.example.com"),
        (f"https://{'a.' * 130}example/", "host is too long", "253"),
        ("https://xn--/", "no valid name", "spelling"),
        ("https://xn--zz--a.example/", "no valid name", "spelling"),
        ("https://\u2764.example/", "no valid name", "spelling"),
        (f"https://{chr(0xE4) * 70}.example/", "no valid name", "spelling"),
    ],
)
def test_a_bad_url_is_refused_with_its_cure(text: str, reason: str, cure: str) -> None:
    error = refusal(text)
    assert reason in error.reason
    assert cure in error.cure


@pytest.mark.parametrize(
    ("host", "meant"),
    [
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),  # refused, not bound
        ("169.254.43518", "169.254.169.254"),
        ("010.0.0.1", "8.0.0.1"),
    ],
)
def test_an_odd_spelling_of_an_address_is_told_its_plain_one(host: str, meant: str) -> None:
    assert refusal(f"http://{host}/").cure == f"write the address as {meant}"


@pytest.mark.parametrize("host", ["256.1.1.1", "1.2.3.4.5", "a.1", "09", "4294967296", "a.0x"])
def test_a_host_that_ends_in_a_number_is_an_address_or_refused(host: str) -> None:
    assert refusal(f"http://{host}/").cure == "write a name, or an address as 192.0.2.1"


@pytest.mark.parametrize(
    "host",
    [
        "127\u30020\u30020\u30021",
        "\uff11\uff12\uff17.0.0.1",
        "127\uff0e1",
        "\uff45x.example",
        "\u2460.example",
    ],
)
def test_characters_that_look_like_ascii_are_refused(host: str) -> None:
    assert "looks like" in refusal(f"http://{host}/").reason


def test_length_is_counted_as_sent() -> None:
    start = "https://example.com/"
    assert len(check_url(start + "a" * (URL_LIMIT - len(start)))) == URL_LIMIT
    assert "4097 characters" in refusal(start + "a" * (URL_LIMIT - len(start) + 1)).reason
    assert "characters" in refusal(start + "\u00fc" * 1_000).reason


@given(
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.sampled_from(["", "https://", "http://a/"]),
)
def test_any_text_is_refused_or_taken_by_the_http_client_unchanged(text: str, start: str) -> None:
    try:
        url = check_url(start + text)
    except FieldError:
        return
    assert url.isascii()
    assert check_url(url) == url
    assert str(httpx.URL(url)) == url


@given(
    st.from_regex(r"[a-z0-9.:%@\[\]x_-]{1,20}", fullmatch=True),
    st.from_regex(r"(/[!-~]{0,20})?", fullmatch=True),
)
def test_any_host_that_is_taken_is_the_one_the_http_client_dials(host: str, path: str) -> None:
    try:
        url = check_url(f"http://{host}{path}")
    except FieldError:
        return
    dialled = httpx.URL(url)
    assert str(dialled) == url
    assert dialled.raw_host.decode() in url
    assert dialled.userinfo == b""


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://example.com/hook", "example.com/hook"),
        ("https://example.com:8443/hook", "example.com:8443/hook"),
        ("http://siem/hook", "http://siem/hook"),
        ("https://example.com/hook?key=abc", "example.com/hook?••••"),
        ("https://hooks.slack.com/services/T0/B0/x", "hooks.slack.com/services/••••"),
        ("not a url", "not a url"),
    ],
)
def test_lists_show_the_receiver_without_what_may_be_a_key(url: str, shown: str) -> None:
    assert receiver(url) == shown


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("https://a", "https://a"),
        ("https://a/", "https://a/"),
        ("https://a/b", "https://a/b"),
        ("https://a/b/", "https://a/b/"),
        ("https://a/b?", "https://a/b?"),
        ("https://a/b?key=abcdefghijklmnop&n=1", "https://a/b?••••"),
        ("https://a/?key=1", "https://a/?••••"),
        ("https://a?key=1", "https://a?••••"),
        ("https://a/b/c", "https://a/b/••••"),
        ("https://a/b/c?d=e", "https://a/b/••••"),
        ("https://a//b", "https://a//••••"),
        ("http://[fd00::1]:8080/b/c", "http://[fd00::1]:8080/b/••••"),
        ("https://a/0123456789abcde", "https://a/0123456789abcde"),
        ("https://a/0123456789abcdef", "https://a/••••"),
        ("https://a/0123456789abcdef/b", "https://a/••••"),
        ("hooks.slack.com/services/T0/B0/x", "hooks.slack.com/services/••••"),
        ("https://user:password@a/b", "https://a/b"),
        ("", ""),
    ],
)
def test_what_follows_the_first_part_of_the_path_is_masked(url: str, masked: str) -> None:
    assert mask_url(url) == masked
    assert mask_url(masked) == masked
    assert is_masked_url(masked) == (masked.endswith("••••"))


@given(st.text(max_size=60))
def test_masking_says_no_more_the_second_time(text: str) -> None:
    assert mask_url(mask_url(text)) == mask_url(text)


@pytest.mark.parametrize("text", ["https://a/b/••••", "https://a/b/••", "••••"])
def test_a_masked_url_is_refused_as_what_is_meant(text: str) -> None:
    with pytest.raises(FieldError, match="the dots that stand for what is hidden"):
        check_url(text)


def test_a_proxy_is_an_origin() -> None:
    assert check_proxy("http://Proxy.example:3128/") == "http://proxy.example:3128"


@pytest.mark.parametrize(
    "text", ["socks5://p:1080", "http://p/x", "http://p/?q", "http://u:p@p", "p:3128", ""]
)
def test_a_bad_proxy_is_refused(text: str) -> None:
    with pytest.raises(FieldError) as caught:
        check_proxy(text)
    assert caught.value.field == "proxy"
