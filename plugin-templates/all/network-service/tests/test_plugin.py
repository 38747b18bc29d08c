"""The plugin as its users see it, through LAO, with a service on this machine. Run by `lao plugin test`, after a build."""

import logging
import threading
import time
from email.utils import formatdate
from pathlib import Path

import pytest
from server import ITEMS, Answer, serving

import lao

PLUGIN = Path(__file__).resolve().parent.parent
GRANT = ["network_access", "private_addresses"]  # the second one because the service is on this machine
QUICK = {"requests_per_second": 1000, "burst": 1000, "retry_delay_s": 0.02}


@pytest.fixture
def service():
    with serving() as made:
        yield made


@pytest.fixture(params=["process", "none"])
def load(request, service):
    """Loads the plugin with settings, in a process of its own or in this one."""
    with lao.Host() as host:

        def load_plugin(**settings):
            config = {"base_url": service.address, **QUICK, **settings}
            return host.load(PLUGIN, isolation=request.param, grant=GRANT, config=config)

        yield load_plugin


@pytest.fixture
def plugin(load):
    return load()


# --- Requests ---


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_a_request(plugin, method):
    body = {"name": "lamp", "sizes": [1, 2.50, 12345678901234567890], "é": None}
    sent = {} if method == "GET" else {"body": body}
    query = {"q": "a b&c", "tags": ["x", "ÿ"], "on": True, "number": 1.5, "left_out": None}
    answer = plugin({"method": method, "path": "/echo", "query": query, "headers": {"X-One": "1"}, **sent})
    said = answer["body"]
    assert (answer["status"], answer["ok"], answer["method"], answer["attempts"]) == (200, True, method, 1)
    assert answer["url"].endswith("/echo")
    assert answer["headers"]["content-type"] == "application/json"
    assert said["method"] == method
    assert said["query"] == {"q": ["a b&c"], "tags": ["x", "ÿ"], "on": ["true"], "number": ["1.5"]}
    assert said["headers"]["x-one"] == "1"
    assert said["body"] == sent.get("body")
    assert said["headers"].get("content-type") == ("application/json" if sent else None)


def test_paths_go_below_the_base(load, service):
    service.answers["/v1/a%20b"] = lambda _: Answer("here")
    assert load(base_url=f"{service.address}/v1/")({"path": "/a b"})["body"] == "here"


@pytest.mark.parametrize(
    ("headers", "content", "type", "body"),
    [
        ({"Content-Type": "application/json; charset=utf-8"}, b' {"a": [1]} ', "json", {"a": [1]}),
        ({"Content-Type": "application/problem+json"}, b"3", "json", 3),
        ({}, b'{"a": 1}', "json", {"a": 1}),
        ({}, b"{no json", "text", "{no json"),
        ({"Content-Type": "text/plain"}, "[grüß dich".encode(), "text", "[grüß dich"),
        ({"Content-Type": "image/png"}, b"\x89PNG\xff", "base64", "iVBOR/8="),
        ({"Content-Type": "application/json"}, b"", "none", None),
    ],
)
def test_answers(plugin, service, headers, content, type, body):
    service.answers["/x"] = lambda _: Answer(content, headers=headers)
    answer = plugin({"path": "/x"})
    assert (answer["body_type"], answer["body"]) == (type, body)


@pytest.mark.parametrize(
    ("input", "said"),
    [
        ({}, "`path` or `url`"),
        ([], "must be an object"),
        ({"path": "/a", "url": "http://a/"}, "not both"),
        ({"path": "a"}, "must begin with `/`"),
        ({"path": "/a?b=1"}, "`query`"),
        ({"path": "/../a"}, "`..`"),
        ({"path": 1}, "`path` must be a text"),
        ({"path": "/", "method": "FETCH"}, "`method` must be one of"),
        ({"path": "/", "query": {"a": {}}}, "`query.a` must be"),
        ({"path": "/", "query": []}, "`query` must be an object"),
        ({"path": "/", "headers": {"a": 1}}, "`headers` must be a text"),
        ({"path": "/", "body": 1}, "cannot be sent with GET"),
        ({"path": "/", "timeout": 1}, "there is no `timeout`"),
        ({"url": "ftp://127.0.0.1/"}, "must begin with `http://`"),
        ({"url": "http://user:word@127.0.0.1/"}, "user name"),
        ({"path": "/", "headers": {"a": "b\r\nc: d"}}, "header"),
    ],
)
def test_wrong_input_is_refused(plugin, service, input, said):
    with pytest.raises(lao.InvalidInput, match=said):
        plugin(input)
    assert service.asked == []


def test_an_error_of_the_service(plugin):
    with pytest.raises(lao.PluginError, match=r"GET `http://.*/missing` answered 404: .*no such thing"):
        plugin({"path": "/missing"})
    answer = plugin.call("request", {"path": "/missing"}, allow_errors=True)
    assert (answer["status"], answer["ok"], answer["body"]["message"]) == (404, False, "there is no such thing")


def test_bad_json(plugin, service):
    service.answers["/x"] = lambda _: Answer(b'{"a":\n 1,}', headers={"Content-Type": "application/json"})
    with pytest.raises(lao.PluginError, match="not JSON at line 2 column 4"):
        plugin({"path": "/x"})


# --- Who asks ---


def test_bearer(load):
    with pytest.raises(lao.PluginError, match="answered 401"):
        load()({"path": "/private"})
    assert load(auth="bearer", token="open-sesame")({"path": "/private"})["body"] == {"treasure": 40}


def test_basic(load, service):
    load(auth="basic", username="Aladdin", password="open sesame")({"path": "/items/1"})
    assert service.asked[0].headers["authorization"] == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


def test_api_keys(load, service):
    load(auth="api_key", api_key="key-4711")({"path": "/items/1"})
    load(auth="api_key", api_key="key 4711&", api_key_name="key", api_key_in="query")(
        {"path": "/items/1", "query": {"a": 1, "key": "mine"}}
    )
    assert service.asked[0].headers["x-api-key"] == "key-4711"
    assert service.asked[1].query == {"a": ["1"], "key": ["key 4711&"]}
    assert "x-api-key" not in service.asked[1].headers


@pytest.mark.parametrize(
    "settings",
    [
        {"auth": "bearer"},
        {"auth": "bearer", "token": "swordfish\nlines"},
        {"auth": "basic", "username": "a:b"},
        {"auth": "api_key"},
        {"auth": "api_key", "api_key": "k", "api_key_name": "a b"},
        {"auth": "magic"},
        {"base_url": "somewhere"},
        {"base_url": "http://127.0.0.1/?a"},
        {"max_attempts": 0},
    ],
)
def test_wrong_settings_are_refused(load, settings):
    with pytest.raises(lao.LaoError) as refused:
        load(**settings)({"path": "/items/1"})
    assert "swordfish" not in str(refused.value)


def test_new_settings_hold_from_the_next_call_on(load):
    plugin = load(auth="bearer", token="yesterday")
    with pytest.raises(lao.PluginError, match="answered 401"):
        plugin({"path": "/private"})
    plugin.configure({"token": "open-sesame"})
    assert plugin({"path": "/private"})["ok"]
    with pytest.raises(lao.InvalidInput, match="`token` is missing"):
        plugin.configure({"token": ""})
    assert plugin({"path": "/private"})["ok"]  # the old ones stay
    assert plugin.stats.restarts == 0


SECRETS = [
    {"auth": "bearer", "token": "tell-nobody-1"},
    {"auth": "basic", "username": "me", "password": "tell-nobody-2"},
    {"auth": "api_key", "api_key": 'tell"nobody/3'},
    {"auth": "api_key", "api_key": "tell nobody 4", "api_key_in": "query"},
]


@pytest.mark.parametrize("settings", SECRETS)
def test_secrets_are_shown_nowhere(load, service, settings, caplog):
    caplog.set_level(logging.DEBUG)
    service.answers["/fails"] = lambda asked: Answer({"sent": [asked.headers, asked.query]}, 500, dict(asked.headers))
    plugin = load(max_attempts=2, **settings)
    shown = [plugin({"path": "/echo"}), plugin({"path": "/echo", "dry_run": True})]
    shown.append(plugin.call("request", {"path": "/fails"}, allow_errors=True))
    with pytest.raises(lao.PluginError) as failure:
        plugin({"path": "/fails"})
    with pytest.raises(lao.LaoError) as unreachable:
        plugin({"url": "http://127.0.0.1:1/", "headers": {"a": "b"}})
    assert service.asked  # with the secret, that is
    assert any(word in str(service.asked[0]) for word in ("nobody", "bWU6"))
    until = time.monotonic() + 5
    while "attempt 2 in" not in plugin.output and time.monotonic() < until:
        time.sleep(0.01)  # what a worker logs comes a little later
    assert "attempt 2 in" in plugin.output
    shown += [failure.value, failure.value.__dict__, unreachable.value, plugin.output, caplog.text]
    for text in map(str, shown):
        assert "nobody" not in text
        assert "bWU6" not in text  # the beginning of what basic authentication sends


def test_nobody_else_gets_the_secret(load, service):
    with serving() as other:
        plugin = load(auth="api_key", api_key="tell-nobody", api_key_name="X-Own")
        service.answers["/away"] = lambda _: Answer(b"", 302, {"Location": f"{other.address}/echo"})
        service.answers["/on"] = lambda _: Answer(b"", 307, {"Location": "/echo"})
        assert "x-own" in service.answers["/echo"](_asked_of(plugin, service, "/on")).content["headers"]
        assert plugin({"path": "/away"})["url"].startswith(other.address)
        assert plugin({"url": f"{other.address}/echo"})["ok"]
        assert [asked.headers.get("x-own") for asked in other.asked] == [None, None]
        with pytest.raises(lao.InvalidInput, match="set by the settings"):
            plugin({"path": "/echo", "headers": {"x-OWN": "mine"}})


def _asked_of(plugin, service, path):
    plugin({"path": path})
    return service.asked[-1]


# --- How often ---


def test_the_rate(load, service):
    plugin = load(requests_per_second=20, burst=2)
    began = time.monotonic()
    for _ in range(6):
        plugin({"path": "/items/1"})
    assert 0.19 < time.monotonic() - began < 2  # 2 at once, 4 at 50 ms each
    with pytest.raises(lao.PluginTimeout, match="requests_per_second"):
        slow = load(requests_per_second=0.1, burst=1, total_timeout_s=1)
        slow({"path": "/items/1"})
        slow({"path": "/items/1"})
    assert len(service.asked) == 7


def test_it_tries_again(plugin, service):
    answer = plugin({"path": "/flaky"})
    assert (answer["attempts"], answer["body"]) == (3, {"attempt": 3})
    assert plugin({"path": "/flaky", "method": "PUT", "body": 1})["attempts"] == 3


def test_what_might_do_harm_is_not_repeated(plugin, load, service):
    for method in ("POST", "PATCH"):
        service.asked.clear()
        with pytest.raises(lao.PluginError, match="answered 503"):
            plugin({"path": "/flaky", "method": method})
        assert len(service.asked) == 1
    service.asked.clear()
    assert load(retry_unsafe=True)({"path": "/flaky", "method": "POST"})["attempts"] == 3


def test_it_gives_up(load, service):
    service.answers["/down"] = lambda _: Answer({"message": "busy"}, 503)
    with pytest.raises(lao.PluginError, match="answered 503 at attempt 3: .*busy"):
        load(max_attempts=3)({"path": "/down"})
    assert len(service.asked) == 3


def test_the_pauses_grow(load, service):
    times = []

    def down(_):
        times.append(time.monotonic())
        return Answer("", 503)

    service.answers["/down"] = down
    with pytest.raises(lao.PluginError):
        load(max_attempts=4, retry_delay_s=0.2)({"path": "/down"})
    pauses = [later - earlier for earlier, later in zip(times, times[1:])]
    assert [0.1 <= pauses[0] < 0.4, 0.2 <= pauses[1] < 0.8, 0.4 <= pauses[2] < 1.5] == [True] * 3, pauses


@pytest.mark.parametrize("style", ["seconds", "date", "date of a server whose clock is wrong"])
def test_retry_after(load, service, style):
    times = []

    def limited(_):
        times.append(time.monotonic())
        now = time.time() - (90000 if "wrong" in style else 0)
        after = "1" if style == "seconds" else formatdate(now + 2, usegmt=True)
        return Answer("", 429, {"Retry-After": after, "Date": formatdate(now, usegmt=True)}) if len(times) == 1 else Answer("")

    service.answers["/limited"] = limited
    assert load()({"path": "/limited"})["attempts"] == 2
    assert 0.9 < times[1] - times[0] < 4


def test_a_pause_that_is_too_long_is_not_waited_for(load, service):
    service.answers["/limited"] = lambda _: Answer("", 429, {"Retry-After": "3600"})
    began = time.monotonic()
    with pytest.raises(lao.PluginError, match="429, and to come back after 3600"):
        load(total_timeout_s=5)({"path": "/limited"})
    assert time.monotonic() - began < 3


# --- How long ---


def test_a_slow_service(load, service):
    def slow(_):
        time.sleep(2 if len(service.asked) == 1 else 0)
        return Answer("at last")

    service.answers["/slow"] = slow
    assert load(timeout_s=0.3)({"path": "/slow"})["attempts"] == 2
    service.asked.clear()
    with pytest.raises(lao.PluginTimeout):
        load(timeout_s=0.3, max_attempts=1)({"path": "/slow"})
    service.asked.clear()
    began = time.monotonic()
    with pytest.raises(lao.PluginTimeout):
        load(total_timeout_s=0.4)({"path": "/slow"})
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("path", ["/down", "/hangs"])
def test_cancel(load, service, path):
    over = threading.Event()
    service.answers["/down"] = lambda _: Answer("", 503, {"Retry-After": "20"})
    service.answers["/hangs"] = lambda _: over.wait(20) and Answer("")
    plugin = load()
    ended = []

    def call():
        with pytest.raises(lao.Cancelled):
            plugin({"path": path})
        ended.append(time.monotonic())

    thread = threading.Thread(target=call)
    thread.start()
    try:
        while not service.asked:
            time.sleep(0.01)
        time.sleep(0.2)
        cancelled = time.monotonic()
        plugin.cancel()
        thread.join(15)
        assert ended[0] - cancelled < 1
    finally:
        over.set()
    assert plugin({"path": "/items/1"})["ok"]
    assert plugin.stats.restarts == 0


# --- Pages ---


@pytest.mark.parametrize(
    ("path", "params"),
    [
        ("/items", {}),
        ("/items", {"style": "link", "page_size": 7}),
        ("/items", {"style": "page"}),
        ("/items", {"style": "page", "page_size": 7}),
        ("/by-cursor", {"items_at": "data.items"}),
        ("/by-cursor", {"style": "cursor", "items_at": "data.items"}),
    ],
)
def test_pages(plugin, path, params):
    pages = -(-len(ITEMS) // params.get("page_size", 10))
    whole = plugin.call("list", {"path": path}, **params)
    assert whole == {"items": ITEMS, "count": len(ITEMS), "pages": pages, "complete": True}
    parts = list(plugin.stream("pages", {"path": path}, **params))
    assert [part["page"] for part in parts] == list(range(1, pages + 1))
    assert [item for part in parts for item in part["items"]] == ITEMS
    assert plugin.call("pages", {"path": path}, **params) == parts


def test_pages_come_one_by_one(plugin, service):
    stream = plugin.stream("pages", {"path": "/items"}, page_size=1)
    for expected in ITEMS[:3]:
        assert next(stream)["items"] == [expected]
    stream.close()
    assert len(service.asked) < len(ITEMS)


def test_a_stream_that_nobody_reads_on_stops_asking(load, service):
    over = threading.Event()

    def page(asked):
        if len(service.asked) > 1:
            over.wait(20)
        return Answer([1], headers={"Link": f"</endless?{len(service.asked)}>; rel=next"})

    service.answers["/endless"] = page
    plugin = load()
    stream = plugin.stream("pages", {"path": "/endless"})
    assert next(stream)["items"] == [1]
    began = time.monotonic()
    try:
        stream.close()  # while the plugin waits for the second page
        assert time.monotonic() - began < 3
    finally:
        over.set()
    assert plugin({"path": "/items/1"})["ok"]
    assert plugin.stats.restarts == 0


def test_bounds_of_pages(plugin):
    whole = plugin.call("list", {"path": "/items"}, max_items=12)
    assert (whole["items"], whole["pages"], whole["complete"]) == (ITEMS[:12], 2, False)
    whole = plugin.call("list", {"path": "/items"}, max_pages=1)
    assert (whole["items"], whole["complete"]) == (ITEMS[:10], False)
    assert plugin.call("list", {"path": "/items"}, max_items=25)["complete"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer([1], headers={"Link": "<http://127.0.0.1:1/items>; rel=next"}), "of another origin"),
        (Answer([1], headers={"Link": "</loop>; rel=next"}), "was there before"),
        (Answer([1], headers={"Link": "<ftp://a/>; rel=next"}), "next page that is none"),
        (Answer({"a": 1}), "has no list as its body"),
        (Answer("x", 500), "answered 500"),
    ],
)
def test_bad_pages(load, service, answer, said):
    service.answers["/loop"] = lambda _: answer
    with pytest.raises(lao.PluginError, match=said):
        load(max_attempts=1).call("list", {"path": "/loop"})


def test_a_cursor_that_stays(plugin, service):
    service.answers["/loop"] = lambda _: Answer({"items": [1], "next_cursor": "x"})
    with pytest.raises(lao.PluginError, match="cursor that was there before"):
        plugin.call("list", {"path": "/loop"}, items_at="items")


# --- What was not granted ---


def test_without_grants(service):
    with lao.Host() as host:
        config = {"base_url": service.address, **QUICK}
        plugin = host.load(PLUGIN, isolation="process", grant=["network_access"], config=config)
        with pytest.raises(lao.PermissionDenied, match="not a public address"):
            plugin({"path": "/items/1"})
        with pytest.raises(lao.PermissionDenied, match="not granted"):
            plugin({"url": "http://192.0.2.1/"})
    assert service.asked == []
