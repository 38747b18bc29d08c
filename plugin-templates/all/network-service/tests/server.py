"""A small service to try the plugin with: `python tests/server.py [PORT]`. The tests run it, too."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

ITEMS = [{"id": number, "name": f"item {number}"} for number in range(1, 26)]


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What is sent back; `content` other than bytes is sent as JSON."""

    content: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


def items(asked: Asked) -> Answer:
    """A list by pages, of which each names the next in a `Link` header."""
    if asked.method == "POST":
        return Answer({"id": 26, **json.loads(asked.body)}, 201)
    page, size = (int(asked.query.get(name, [default])[0]) for name, default in (("page", "1"), ("per_page", "10")))
    headers = {}
    if page * size < len(ITEMS):
        headers["Link"] = f'</items?{urlencode({"page": page + 1, "per_page": size})}>; rel="next"'
    return Answer(ITEMS[(page - 1) * size : page * size], headers=headers)


def by_cursor(asked: Asked) -> Answer:
    """The same list, where each page has a cursor in it that leads to the next."""
    start = int(asked.query.get("cursor", ["0"])[0])
    following = start + 10 if start + 10 < len(ITEMS) else None
    return Answer({"data": {"items": ITEMS[start : start + 10]}, "next_cursor": following})


def echo(asked: Asked) -> Answer:
    """Tells what was asked."""
    said = {"method": asked.method, "query": asked.query, "headers": asked.headers}
    return Answer({**said, "body": json.loads(asked.body) if asked.body else None})


def private(asked: Asked) -> Answer:
    """Wants `Authorization: Bearer open-sesame`."""
    if asked.headers.get("authorization") != "Bearer open-sesame":
        return Answer({"message": "who are you?"}, 401)
    return Answer({"treasure": 40})


class Service(ThreadingHTTPServer):
    """Answers by path; `answers` can be changed at any time, `asked` has the requests that came."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self.asked: list[Asked] = []
        self.answers: dict[str, Callable[[Asked], Answer]] = {
            "/items": items,
            "/by-cursor": by_cursor,
            "/echo": echo,
            "/private": private,
            "/flaky": self.flaky,
            **{f"/items/{one['id']}": lambda _, one=one: Answer(one) for one in ITEMS},
        }

    def flaky(self, asked: Asked) -> Answer:
        """Works at the third attempt."""
        before = sum(one.path == asked.path for one in self.asked)
        return Answer({"attempt": before}) if before % 3 == 0 else Answer({"message": "busy"}, 503)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is none."""

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        function = self.answers.get(asked.path)
        return function(asked) if function is not None else Answer({"message": "there is no such thing"}, 404)


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.answer(Asked(self.command, address.path, parse_qs(address.query), headers, body))
        is_raw = isinstance(answer.content, bytes)
        content = answer.content if is_raw else json.dumps(answer.content).encode()
        kind = {} if is_raw else {"Content-Type": "application/json"}
        self.send_response_only(answer.status)
        for name, value in {**kind, "Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@contextmanager
def serving() -> Iterator[Service]:
    """The service on a free port of this machine."""
    service = Service()
    thread = threading.Thread(target=service.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield service
    finally:
        service.shutdown()
        service.server_close()
        thread.join()


if __name__ == "__main__":
    running = Service(int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
    print(f"serving at {running.address}; Ctrl-C ends it", flush=True)
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        pass
