"""The tables of `plugin.toml`, one pydantic model each: the types, bounds and formats of every key.

These are the models of the nested dialect; the flat one is brought into this shape first
(`manifest_dialects`). Each field carries an example, from which the fixes in problems are written.
"""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from lao.errors import InvalidInput
from lao.model.json_schema import SchemaError, check_schema
from lao.model.kinds import Kind
from lao.model.names import check_plugin_name, printable, suggest
from lao.model.sanitize import SANITIZERS
from lao.model.versions import VersionRange, parse_range, parse_version

__all__ = [
    "PERMISSIONS",
    "RESERVED_EVENTS",
    "CapabilityTable",
    "Dependency",
    "Document",
    "Event",
    "Permissions",
    "PluginTable",
    "Resources",
    "Table",
    "wrong",
]

PERMISSIONS = ("read_files", "write_files", "network_access", "system_access", "plugin_communication")

# Events that LAO itself emits; a plugin cannot declare them as its own.
RESERVED_EVENTS = frozenset(
    f"{subject}_{verb}"
    for subject, verbs in {
        "workflow": ("started", "completed"),
        "step": ("started", "completed"),
        "plugin": ("loaded", "unloaded", "error", "updated"),
    }.items()
    for verb in verbs
)


def wrong(message: str, fix: str | None = None, path: tuple[str | int, ...] = ()) -> PydanticCustomError:
    """A problem found by one of our own rules; `path` leads further into the value."""
    return PydanticCustomError("lao", "{message}", {"message": message, "fix": fix or "", "path": path})


def _from_invalid_input(error: InvalidInput) -> PydanticCustomError:
    reason = ": ".join((error.message, *error.causes))
    return wrong(reason, error.hint, error.path if isinstance(error, SchemaError) else ())


def _plugin_name(value: str) -> str:
    try:
        return check_plugin_name(value)
    except InvalidInput as error:
        raise _from_invalid_input(error) from None


def _version(value: str) -> str:
    try:
        parse_version(value)
    except InvalidInput as error:
        raise _from_invalid_input(error) from None
    return value


def _range(value: str) -> str:
    try:
        parse_range(value)
    except InvalidInput as error:
        raise _from_invalid_input(error) from None
    return value


def _one_line(value: str) -> str:
    bad = next((c for c in value if not c.isprintable()), None)
    if bad is not None:
        raise wrong(f"it contains the control character `{printable(bad)}`", "remove it")
    return value


def _prose(value: str) -> str:
    _one_line(value.replace("\n", "").replace("\t", ""))
    return value


def _url(value: str) -> str:
    if not value or re.fullmatch(
        r"(?:https?|ssh|git|git\+https|git\+ssh)://[^\s/]\S*|git@[^\s:]+:\S+", value
    ):
        return value
    bare = re.fullmatch(r"[\w-]+(?:\.[\w-]+)+(?:/\S*)?", value)
    raise wrong(
        f"`{printable(value)}` is not the address of a web page or repository",
        f"write `https://{value}`" if bare else "write an address that begins with `https://`",
    )


def _identifier(value: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}", value):
        return value
    raise wrong(f"`{printable(value)}` is not a name", "use 1 to 64 letters, digits, `-`, `_` and `.`")


def _event_name(value: str) -> str:
    if _identifier(value) in RESERVED_EVENTS:
        raise wrong(f"`{value}` is an event of LAO itself", f"call it for example `my_{value}`")
    return value


def _kind(value: str) -> str:
    try:
        Kind.parse(value)
    except InvalidInput as error:
        raise _from_invalid_input(error) from None
    return value


def _permission(value: str) -> str:
    if value in PERMISSIONS:
        return value
    close = suggest(value, PERMISSIONS)
    fix = f"did you mean `{close[0]}`?" if close else "use one of " + ", ".join(PERMISSIONS)
    raise wrong(f"`{printable(value)}` is not a permission", fix)


def _sanitizer(value: str) -> str:
    if value in SANITIZERS:
        return value
    close = suggest(value, SANITIZERS)
    fix = f"did you mean `{close[0]}`?" if close else "use one of " + ", ".join(SANITIZERS)
    raise wrong(f"`{printable(value)}` is not a sanitiser", fix)


def _inside_data_dir(value: str) -> str:
    path = value.replace("\\", "/")
    _one_line(value)
    if not value:
        raise wrong("it is empty", "write `./` for the whole data directory")
    if path.startswith(("/", "~")) or re.match(r"[A-Za-z]:", path):
        raise wrong(
            f"`{printable(value)}` is not relative to the plugin's data directory",
            "write for example `./data/`",
        )
    depth = 0
    for part in PurePosixPath(path).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            raise wrong(f"`{printable(value)}` leaves the plugin's data directory", "remove the `..`")
    return value


def _host(value: str) -> str:
    label = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    match = re.fullmatch(
        rf"(?:\*\.)?{label}(?:\.{label})*(?::(\d{{1,5}}))?|\[[0-9A-Fa-f:.]+\](?::(\d{{1,5}}))?", value
    )
    port = next((int(group) for group in match.groups() if group), 1) if match else 0
    if 1 <= port <= 65535:
        return value
    inner = re.match(r"[a-z+]+://([^/\s]+)", value)
    fix = f"write `{inner[1]}`" if inner else "write a host name, e.g. `api.example.org` or `localhost:11434`"
    raise wrong(f"`{printable(value)}` is not a host", fix)


def _command(value: str) -> str:
    _one_line(value)
    absolute = value.startswith("/") or re.match(r"[A-Za-z]:[\\/]", value)
    if value and not value.isspace() and (absolute or not re.search(r"[\s/\\]", value)):
        return value
    raise wrong(
        f"`{printable(value)}` is not a command", "write one program's name, e.g. `ffmpeg`, or its full path"
    )


def _runtime(value: str) -> str:
    if re.fullmatch(r"[a-z0-9][a-z0-9_.-]{0,31}", value):
        return value
    raise wrong(f"`{printable(value)}` is not the name of a runtime", "write for example `onnx`")


def _schema_value(value: object, must_be_object: bool) -> object:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise wrong(
                f"it is not JSON: {error}", 'write JSON text or a table, e.g. `{ type = "object" }`'
            ) from None
        except RecursionError:
            raise wrong("it is nested too deep") from None
    try:
        return check_schema(value, must_be_object=must_be_object)
    except SchemaError as error:
        raise _from_invalid_input(error) from None


def _any_schema(value: object) -> object:
    return _schema_value(value, False)


def _object_schema(value: object) -> object:
    return _schema_value(value, True)


Line = Annotated[str, Field(max_length=1000), AfterValidator(_one_line)]
Prose = Annotated[str, Field(max_length=20_000), AfterValidator(_prose)]
Word = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_one_line)]
Url = Annotated[str, Field(max_length=2000), AfterValidator(_url)]
PluginName = Annotated[str, AfterValidator(_plugin_name)]
VersionText = Annotated[str, AfterValidator(_version)]
RangeText = Annotated[str, AfterValidator(_range)]
KindText = Annotated[str, AfterValidator(_kind)]
PermissionText = Annotated[str, AfterValidator(_permission)]
AnySchema = Annotated[dict[str, Any] | None, BeforeValidator(_any_schema)]
ObjectSchema = Annotated[dict[str, Any] | None, BeforeValidator(_object_schema)]


class Table(BaseModel):
    """What all tables share: nothing is converted silently (`"512"` is no integer), nothing changes
    afterwards."""

    model_config = ConfigDict(
        strict=True, frozen=True, extra="ignore", allow_inf_nan=False, populate_by_name=True
    )


class PluginTable(Table):
    """`[plugin]`: who the plugin is."""

    name: PluginName = Field(examples=["my-plugin"])
    version: VersionText = Field(examples=["1.0.0"])
    description: Prose = Field(default="", examples=["What it does, in one line"])
    author: Line = Field(default="", examples=["Name <mail@example.org>"])
    license: Line | None = Field(default=None, examples=["MIT"])
    repository: Url | None = Field(default=None, examples=["https://example.org/my-plugin"])
    homepage: Url | None = Field(default=None, examples=["https://example.org"])
    keywords: list[Word] = Field(default=[], max_length=100, examples=[["text"]])
    categories: list[Word] = Field(default=[], max_length=100, examples=[["ai-tools"]])
    min_lao_version: VersionText = Field(default="0.1.0", examples=["0.1.0"])
    example_prompts: list[Prose] = Field(default=[], max_length=100, examples=[["Summarize this page"]])


class Dependency(Table):
    """`[[dependencies]]`: another plugin that this one needs."""

    name: PluginName = Field(examples=["other-plugin"])
    version: RangeText = Field(default="*", examples=["1.0.0"])
    optional: bool = Field(default=False, examples=[False])

    @property
    def range(self) -> VersionRange:
        """The versions that do; a bare `1.0.0` means `^1.0.0`."""
        return parse_range(self.version)


class CapabilityTable(Table):
    """`[[capabilities]]`: one thing that the plugin can do."""

    name: Annotated[str, AfterValidator(_identifier)] = Field(examples=["process"])
    description: Prose = Field(default="", examples=["What it does"])
    input_type: KindText = Field(examples=["text"])
    output_type: KindText = Field(examples=["text"])
    input_schema: AnySchema = Field(default=None, examples=[{"type": "object"}])
    output_schema: AnySchema = Field(default=None, examples=[{"type": "object"}])
    params_schema: ObjectSchema = Field(default=None, examples=[{"type": "object"}])
    sanitize: list[Annotated[str, AfterValidator(_sanitizer)]] = Field(
        default=[], max_length=16, examples=[["trim", "nfc"]]
    )
    min_bytes: int | None = Field(default=None, ge=0, le=2**62, examples=[1])
    max_bytes: int | None = Field(default=None, ge=0, le=2**62, examples=[1048576])
    min_value: float | None = Field(default=None, examples=[-1.0])
    max_value: float | None = Field(default=None, examples=[1.0])
    idempotent: bool = Field(default=False, examples=[True])


class Permissions(Table):
    """`[permissions]`: what the plugin asks for. `legacy` marks a manifest that was migrated without any."""

    required: list[PermissionText] = Field(default=[], examples=[["read_files"]])
    optional: list[PermissionText] = Field(default=[], examples=[["network_access"]])
    legacy: bool = Field(default=False, examples=[False])

    @property
    def requested(self) -> frozenset[str]:
        """All that it asks for, needed or not."""
        return frozenset(self.required) | frozenset(self.optional)


class Resources(Table):
    """`[resources]`: the bounds of what the permissions allow. None means that the manifest sets no bound.

    Attributes:
        max_memory_mb: Mebibytes of memory, at least 1.
        max_cpu_percent: Per cent of one CPU, above 0; 200 is two CPUs.
        network_access: False rules the network out even where the permission was requested.
        file_access: Directories that it may read or write, relative to its data directory.
        disk_quota_mb: Mebibytes in its data directory.
        max_threads: Threads at the same time, at least 1.
        timeout_s: Seconds that one call may take.
        max_network_requests_per_second: Requests per second, above 0.
        allowed_hosts: `host`, `host:port` or `*.domain` that it may reach; empty means any.
        allowed_commands: Programs that it may run with `system_access`, by name or full path.
        runtimes: Libraries from outside its package, by tier: `onnx`, `opencl`, `cuda`.
        gpu: It uses the GPU.
    """

    max_memory_mb: int | None = Field(default=None, ge=1, le=2**34, examples=[512])
    max_cpu_percent: float | None = Field(default=None, gt=0, le=1_000_000, examples=[50.0])
    network_access: bool | None = Field(default=None, examples=[False])
    file_access: list[Annotated[str, AfterValidator(_inside_data_dir)]] = Field(
        default=["./"], max_length=1000, examples=[["./data/"]]
    )
    disk_quota_mb: int | None = Field(default=None, ge=0, le=2**34, examples=[100])
    max_threads: int | None = Field(default=None, ge=1, le=65536, examples=[4])
    timeout_s: float | None = Field(default=None, gt=0, le=31_536_000, examples=[30.0])
    max_network_requests_per_second: float | None = Field(default=None, gt=0, le=1_000_000, examples=[10])
    allowed_hosts: list[Annotated[str, AfterValidator(_host)]] = Field(
        default=[], max_length=1000, examples=[["api.example.org"]]
    )
    allowed_commands: list[Annotated[str, AfterValidator(_command)]] = Field(
        default=[], max_length=1000, examples=[["ffmpeg"]]
    )
    runtimes: list[Annotated[str, AfterValidator(_runtime)]] = Field(
        default=[], max_length=32, examples=[["onnx"]]
    )
    gpu: bool = Field(default=False, examples=[True])


class Event(Table):
    """`[[events]]`: a custom event that the plugin emits. `payload_schema` is the key `schema`."""

    name: Annotated[str, AfterValidator(_event_name)] = Field(examples=["data_processed"])
    description: Prose = Field(default="", examples=["When it happens"])
    payload_schema: AnySchema = Field(default=None, alias="schema", examples=[{"type": "object"}])


class Document(Table):
    """The whole file in the nested dialect."""

    plugin: PluginTable = Field(examples=[{"name": "my-plugin", "version": "1.0.0"}])
    dependencies: list[Dependency] = Field(default=[], max_length=1000)
    capabilities: list[CapabilityTable] = Field(default=[], max_length=1000)
    permissions: Permissions = Field(default=Permissions())
    resources: Resources = Field(default=Resources())
    config_schema: ObjectSchema = Field(default=None, examples=[{"type": "object"}])
    events: list[Event] = Field(default=[], max_length=1000)
    legacy: dict[str, Any] = Field(default={}, examples=[{}])
