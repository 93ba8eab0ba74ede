from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import TOKEN, Answered, Served
from websockets.exceptions import InvalidStatus

from weightdesk.server.keys import new_token
from weightdesk.server.questions import QUESTIONS
from weightdesk.server.security import HEADERS, LARGEST

SECRET = "what lies beside the run"


def all_answers(server: Served) -> Iterator[Answered]:
    yield server.request("GET", "/")
    yield server.request("GET", "/static/desk.js")
    yield server.request("GET", "/static/nothing")
    yield server.request("GET", "/nowhere")
    yield server.request("GET", "/ask/overview")
    yield server.request("GET", "/", cookie=None)
    yield server.request("GET", "/", host="example.org")
    yield server.request("POST", "/ask/overview", "{", content_type="application/json")
    yield server.request("POST", "/ask/overview", None, content_length=str(LARGEST + 1))
    yield server.ask("nothing")
    yield server.ask("weights", parameter="nothing", step=0)
    for kind in QUESTIONS:
        yield server.ask(kind)


def test_the_link_opens_the_page_and_its_cookie_all_else(server: Served) -> None:
    opened = server.request("GET", f"/?token={TOKEN}", cookie=None)
    assert opened.status == 200
    cookies = {}
    for line in opened.cookies:
        pair, *attributes, path = line.split("; ")
        assert attributes == ["HttpOnly", "SameSite=Strict"]
        cookies[path] = pair
    assert set(cookies) == {"Path=/", "Path=/ask", "Path=/live"}
    sent = f"{cookies['Path=/ask']}; {cookies['Path=/']}"
    assert server.request("GET", "/", cookie=cookies["Path=/"]).status == 200
    assert server.request("POST", "/ask/overview", "{}", cookie=sent).status == 200
    assert server.request("POST", "/ask/overview", "{}", cookie=f"other=1; {sent}; more=2").status == 200


def test_what_a_browser_sends_to_other_ports_opens_no_run(server: Served) -> None:
    """Cookies know no ports: any server of this address is sent the one of the path /."""
    opened = server.request("GET", f"/?token={TOKEN}", cookie=None)
    (everywhere,) = (line.split("; ")[0] for line in opened.cookies if line.endswith("Path=/"))
    for kind in QUESTIONS:
        assert server.request("POST", f"/ask/{kind}", "{}", cookie=everywhere).status == 401
    # nor does it buy the cookies that do
    for path in ("/", "/?token=", "/?token=wrong"):
        assert server.request("GET", path, cookie=everywhere).cookies == ()
    with pytest.raises(InvalidStatus, match="HTTP 403"), server.live(cookie=everywhere):
        pass


def test_no_cookie_is_the_token(server: Served) -> None:
    opened = server.request("GET", f"/?token={TOKEN}", cookie=None)
    assert len(opened.cookies) == 3
    assert TOKEN not in "".join(opened.cookies)
    assert server.request("GET", "/", cookie=f"weightdesk-{server.port}-page={TOKEN}").status == 401
    assert server.request("GET", "/", cookie=f"weightdesk-{server.port}={TOKEN}").status == 401


@pytest.mark.parametrize("path", ["/", "/static/desk.js", "/ask/overview", "/nowhere"])
@pytest.mark.parametrize(
    "cookie",
    [
        None,
        "",
        "weightdesk-{port}-page=",
        "weightdesk-{port}-page=wrong; weightdesk-{port}-run=wrong",
        "weightdesk-{port}-page={token}; weightdesk-{port}-run={token}",
        "=;=,=",
    ],
)
def test_without_the_token_there_is_nothing(server: Served, path: str, cookie: str | None) -> None:
    sent = None if cookie is None else cookie.format(port=server.port, token=TOKEN)
    method = "POST" if path.startswith("/ask") else "GET"
    assert server.request(method, path, "{}", cookie=sent).status == 401


@pytest.mark.parametrize("path", ["/", "/ask/overview"])
def test_a_cookie_that_is_none_is_refused(server: Served, path: str) -> None:
    """Some parsers refuse the whole request before anybody looks for a token."""
    assert server.request("POST", path, "{}", cookie="=;=,=\x01").status in (400, 401)


@pytest.mark.parametrize("token", ["", "wrong", TOKEN[:-1], f"{TOKEN}x", "%C3%A4", "%00"])
def test_a_wrong_token_is_none(server: Served, token: str) -> None:
    assert server.request("GET", f"/?token={token}", cookie=None).status == 401


@pytest.mark.parametrize(
    "host", ["example.org", "127.0.0.1.example.org", "localhost.example.org:80", "127.0.0.2", "", "[", "0"]
)
def test_another_name_of_this_machine_is_refused(server: Served, host: str) -> None:
    assert server.request("GET", "/", host=host).status == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "LOCALHOST"])
def test_its_own_names_are_its_own(server: Served, host: str) -> None:
    assert server.request("GET", "/", host=f"{host}:{server.port}").status == 200


@pytest.mark.parametrize(
    "origin", ["https://example.org", "null", "http://127.0.0.1:1", "http://localhost", "", "http://["]
)
def test_other_pages_may_not_ask(server: Served, origin: str) -> None:
    assert server.request("POST", "/ask/overview", "{}", origin=origin).status == 403


def test_the_page_itself_may_ask(server: Served) -> None:
    assert server.request("POST", "/ask/overview", "{}", origin=server.origin).status == 200


@pytest.mark.parametrize(
    "given", [{"origin": "https://example.org"}, {"cookie": "none=1"}, {"cookie": "weightdesk-1=" + TOKEN}]
)
def test_no_other_page_is_told_how_the_run_grows(server: Served, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidStatus, match="HTTP 403"), server.live(**given):
        pass


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/desk.js%00",
        "/static/desk.js/../../app.py",
        "/static/",
        "/static",
        "/../app.py",
        "//etc/passwd",
        "/openapi.json",
        "/docs",
    ],
)
def test_only_the_page_is_given_out(server: Served, path: str) -> None:
    answer = server.request("GET", path)
    assert answer.status in (404, 400, 405)
    assert b"weightdesk." not in answer.body


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", "1", '"', "\x00", "{}{}", '{"step": NaN}', "[" * 9_000]
)
def test_what_is_no_question_is_refused_with_a_line(server: Served, body: str) -> None:
    answer = server.request("POST", "/ask/weights", body)
    assert answer.status == 400
    assert answer.line.startswith("weights: ")


@pytest.mark.parametrize(
    ("field", "question"),
    [
        ("unknown", {"parameter": "hidden1.weight", "step": 0, "unknown": 1}),
        ("step", {"parameter": "hidden1.weight"}),
        ("step", {"parameter": "hidden1.weight", "step": -1}),
        ("step", {"parameter": "hidden1.weight", "step": 0.5}),
        ("step", {"parameter": "hidden1.weight", "step": 10**30}),
        ("what", {"parameter": "hidden1.weight", "step": 0, "what": "secret"}),
        ("turns", {"parameter": "hidden1.weight", "step": 0, "turns": ["mute *"] * 2001}),
        ("turns", {"parameter": "hidden1.weight", "step": 0, "turns": ["x" * 401]}),
        ("parameter", {"parameter": ["hidden1.weight"], "step": 0}),
    ],
)
def test_a_field_that_does_not_fit_is_named(server: Served, field: str, question: dict[str, Any]) -> None:
    answer = server.ask("weights", **question)
    assert answer.status == 400
    assert answer.line.startswith(f"weights: {field}")


@pytest.mark.parametrize("kind", ["nothing", "__class__", "Overview", "overview%20", "x" * 5000])
def test_an_unknown_kind_is_not_found(server: Served, kind: str) -> None:
    answer = server.ask(kind)
    assert answer.status == 404
    assert len(answer.line) < 100


def test_what_is_too_large_is_refused(server: Served) -> None:
    told = server.request("POST", "/ask/heard", None, content_length=str(LARGEST + 1))
    assert told.status == 413
    untold = server.request("POST", "/ask/heard", iter([b" " * 100_000] * 21))
    assert untold.status == 413
    wrong = server.request("POST", "/ask/heard", None, content_length="many")
    assert wrong.status in (400, 413)


def test_every_answer_has_the_headers_and_none_the_token(server: Served) -> None:
    for answer in all_answers(server):
        assert {name: answer.headers.get(name) for name in HEADERS} == {**HEADERS}
        assert TOKEN not in answer.body.decode("latin-1")
        assert TOKEN not in json.dumps({**answer.headers})


def test_no_answer_may_be_read_by_another_origin(server: Served) -> None:
    for answer in all_answers(server):
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "unsafe" not in HEADERS["content-security-policy"]


@pytest.mark.parametrize("step", ["0", "../0"])
def test_a_file_beside_the_run_cannot_be_read(server: Served, step: str) -> None:
    folder = Path(server.session.run.path)
    beside = folder.parent / "secret.safetensors"
    beside.write_text(SECRET)
    for name in (
        "../secret",
        "../secret.safetensors",
        str(beside),
        f"{folder}/manifest.json",
        "..",
        "/",
        "\0",
    ):
        question = {"parameter": name, "step": 0 if step == "0" else step}
        answer = server.ask("weights", **question)
        assert answer.status in (400, 409)
        assert SECRET.encode() not in answer.body


def test_every_token_is_another() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert min(map(len, tokens)) >= 32
