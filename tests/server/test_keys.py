from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weightdesk.server.keys import Keys, new_token

PAGE, ASK, LIVE = "/", "/ask/weights", "/live"


def cookies(keys: Keys, path: str) -> str:
    """What a browser sends to a path, as RFC 6265 says it."""
    sent = []
    for line in keys.cookies():
        pair, *attributes = line.split("; ")
        (below,) = (each.removeprefix("Path=") for each in attributes if each.startswith("Path="))
        if path == below or path.startswith(below.rstrip("/") + "/"):
            sent.append(pair)
    return "; ".join(sent)


@given(st.text(min_size=1), st.integers(1, 65_535))
def test_no_cookie_tells_the_token(token: str, port: int) -> None:
    keys = Keys(f"<{token}>", port)
    assert not [line for line in keys.cookies() if f"<{token}>" in line]


def test_what_every_path_is_sent_opens_the_page_and_not_the_run() -> None:
    keys = Keys(new_token(), 8000)
    everywhere = cookies(keys, PAGE)
    assert keys.admits(PAGE, [everywhere])
    assert keys.admits("/static/desk.js", [everywhere])
    for path in (ASK, LIVE, "/ask", "/ask/", "/save", "/static", "/anything/new"):
        assert not keys.admits(path, [everywhere]), path
    for path in (ASK, LIVE):
        assert keys.admits(path, [cookies(keys, path)])


def test_a_cookie_is_of_one_port_and_one_token() -> None:
    token = new_token()
    keys, other_port, other_token = Keys(token, 8000), Keys(token, 8001), Keys(new_token(), 8000)
    for other in (other_port, other_token):
        assert not keys.admits(ASK, [cookies(other, ASK)])
        # nor does the value of another one do under the right name
        value = cookies(other, ASK).split("; ")[-1].partition("=")[2]
        assert not keys.admits(ASK, [f"weightdesk-8000-run={value}"])


def test_cookies_of_others_are_no_trouble() -> None:
    keys = Keys(new_token(), 8000)
    own = cookies(keys, ASK)
    foreign = 'session={"a": 1, "b": [2]}; ;;=; =x; weightdesk-8000-run=; weightdesk-8000-run=tossed'
    assert keys.admits(ASK, [f"{foreign}; {own}"])
    assert keys.admits(ASK, [foreign, own])
    assert not keys.admits(ASK, [foreign])
    assert not keys.admits(ASK, [])


def test_the_same_token_keeps_its_cookies() -> None:
    """A page finds a server again that was started again."""
    assert Keys("secret", 8000).cookies() == Keys("secret", 8000).cookies()


def test_a_ticket_is_used_once_and_says_so() -> None:
    used: list[str] = []
    keys = Keys(new_token(), 8000)
    first, second = keys.new_ticket(lambda: used.append("first")), keys.new_ticket()
    assert not keys.opens("wrong")
    assert not keys.opens("")
    assert used == []
    assert [keys.opens(first) for _ in range(3)] == [True, False, False]
    assert used == ["first"]
    assert keys.opens(second)
