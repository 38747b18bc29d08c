"""The plugin as its users see it, through LAO. Run by `lao plugin test`, after a build."""

from pathlib import Path

import pytest

import lao

PLUGIN = Path(__file__).resolve().parent.parent


@pytest.fixture(params=["process", "none"])
def plugin(request):
    with lao.Host() as host:
        yield host.load(PLUGIN, isolation=request.param)


def load(**settings):
    return lao.Host().load(PLUGIN, isolation="process", config=settings)


@pytest.mark.parametrize(
    ("mode", "text", "expected"),
    [
        ("upper", "Grüße, Ελλάδα", "GRÜßE, ΕΛΛΆΔΑ"),
        ("lower", "ÄÖÜ ŁÓDŹ", "äöü łódź"),
        ("title", "der ÄRGER  kommt", "Der Ärger  Kommt"),
        ("reverse", "añb東", "東bña"),
        ("slug", "  Crème brûlée & Tea!  ", "crème-brûlée-tea"),
        ("upper", "", ""),
        ("upper", "a\0b", "A\0B"),
    ],
)
def test_process(plugin, mode, text, expected):
    assert plugin.call("process", text, mode=mode) == expected


def test_the_first_capability_is_process(plugin):
    assert plugin("hello") == "HELLO"
    assert plugin("  hello\n", trim=True) == "HELLO"


def test_analyze(plugin):
    assert plugin.call("analyze", "ab cd\né") == {"bytes": 8, "characters": 7, "words": 3, "lines": 2}


@pytest.mark.parametrize("parameters", [{"mode": "sideways"}, {"mode": 3}, {"trim": "yes"}, {"mod": "upper"}])
def test_wrong_parameters_are_refused(plugin, parameters):
    with pytest.raises(lao.InvalidInput):
        plugin.call("process", "x", **parameters)


def test_configuration():
    assert load(prefix="» ")("hello") == "» HELLO"
    with pytest.raises(lao.InvalidInput, match="max_length"):
        load(max_length=3)("four")
    assert load(max_length=4)("äöüß") == "ÄÖÜß"


@pytest.mark.parametrize("settings", [{"max_length": 0}, {"max_length": "many"}, {"prefix": 7}])
def test_a_wrong_configuration_is_refused(settings):
    with pytest.raises(lao.LaoError):
        load(**settings)("x")
