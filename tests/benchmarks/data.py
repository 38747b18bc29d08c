"""Documents of 25 MB through LAO, in-process and isolated, against what Python has for them.

    python tests/benchmarks/data.py [--quick] [--language cpp]

The plugin is the template `data-processor`, built for release. Three rows: CSV to a JSON list of records, that list to
CSV, and CSV that is cast, filtered, computed with and grouped. Each is done with the whole document and, by LAO, in
parts of 256 KiB in and out; all interleaved, on one thread each; medians in milliseconds, and MB of input a second.
Contestants that are not installed are left out (`pip install orjson pandas polars`). All values are texts until they
are cast, for everybody; what everybody makes of the first lines is compared before.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
os.environ.setdefault("POLARS_MAX_THREADS", "1")

import lao
from tests.benchmarks._contest import made, race

SIZE = 25_000_000
PART = 256 << 10
TOWNS = ("Berlin", "Zürich", "Marseille, the port", "Łódź", 'São "Sampa" Paulo', "東京")
STEPS: list[Any] = [
    {"cast": {"amount": "number", "count": "integer"}},
    {"filter": "count > 1"},
    {"derive": {"total": "amount * count"}},
    {"aggregate": {"by": ["town"], "compute": {"orders": "count()", "sum": "sum(total)"}}},
    {"sort": ["town"]},
]
ROWS = ("CSV to JSON", "JSON to CSV", "CSV, computed")
Contestant = dict[str, Callable[[str], Any]]


def table(size: int) -> str:
    """CSV of about so many bytes: numbers, texts, some of them quoted."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["number", "town", "amount", "count", "note"])
    number = 0
    while out.tell() < size * 0.97:  # characters, of which some have more bytes
        note = f"order {number * 7919 % 100_003} of {number % 13}"
        writer.writerow([number, TOWNS[number % 6], f"{number % 997}.{number % 4}5", number % 5, note])
        number += 1
    return out.getvalue()


def of_lao(plugin: lao.Plugin) -> Contestant:
    return {
        "CSV to JSON": lambda text: plugin.call("process", text, to="json"),
        "JSON to CSV": lambda text: plugin.call("process", text, to="csv"),
        "CSV, computed": lambda text: plugin.call("process", text, steps=STEPS),
    }


def in_parts(plugin: lao.Plugin) -> Contestant:
    def parts(text: str) -> Iterator[memoryview]:
        data = memoryview(text.encode())
        return (data[at : at + PART] for at in range(0, len(data), PART))

    def run(text: str, **params: Any) -> str:
        return b"".join(plugin.stream("transform", parts(text), **params)).decode()

    return {
        "CSV to JSON": lambda text: run(text, to="json"),
        "JSON to CSV": lambda text: run(text, to="csv"),
        "CSV, computed": lambda text: run(text, steps=STEPS),
    }


def of_python(loads: Callable[[str], Any], dumps: Callable[[Any], Any]) -> Contestant:
    def to_csv(text: str) -> str:
        rows, out = loads(text), io.StringIO(newline="")
        writer = csv.DictWriter(out, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return out.getvalue()

    def computed(text: str) -> str:
        groups: dict[str, list[float]] = {}
        for row in csv.DictReader(io.StringIO(text, newline="")):
            count = int(row["count"])
            if count > 1:
                group = groups.setdefault(row["town"], [0, 0.0])
                group[0] += 1
                group[1] += float(row["amount"]) * count
        out = io.StringIO(newline="")
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(["town", "orders", "sum"])
        writer.writerows([town, *groups[town]] for town in sorted(groups))
        return out.getvalue()

    return {
        "CSV to JSON": lambda text: dumps(list(csv.DictReader(io.StringIO(text, newline="")))),
        "JSON to CSV": to_csv,
        "CSV, computed": computed,
    }


def of_pandas() -> Contestant:
    import pandas

    def read(text: str) -> Any:
        return pandas.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)

    def computed(text: str) -> str:
        frame = read(text).astype({"amount": float, "count": int})
        frame = frame[frame["count"] > 1]
        total = frame["amount"] * frame["count"]
        groups = frame.assign(total=total).groupby("town")["total"].agg(["count", "sum"])
        return groups.rename(columns={"count": "orders"}).to_csv()

    return {
        "CSV to JSON": lambda text: read(text).to_json(orient="records", force_ascii=False),
        "JSON to CSV": lambda text: pandas.read_json(io.StringIO(text), dtype=str).to_csv(index=False),
        "CSV, computed": computed,
    }


def of_polars() -> Contestant:
    import polars

    def read(text: str) -> Any:
        return polars.read_csv(io.BytesIO(text.encode()), infer_schema=False)

    def computed(text: str) -> str:
        frame = read(text).with_columns(polars.col("amount").cast(float), polars.col("count").cast(int))
        frame = frame.filter(polars.col("count") > 1)
        total = (polars.col("amount") * polars.col("count")).sum().alias("sum")
        return str(frame.group_by("town").agg(polars.len().alias("orders"), total).sort("town").write_csv())

    return {
        "CSV to JSON": lambda text: read(text).write_json(),
        "JSON to CSV": lambda text: polars.read_json(io.BytesIO(text.encode())).write_csv(),
        "CSV, computed": computed,
    }


def contestants(host: lao.Host, project: Path) -> dict[str, Contestant]:
    inside, apart = (host.load(project, isolation=how, timeout=120) for how in ("none", "process"))
    found = {
        "lao, in-process": of_lao(inside),
        "lao, isolated": of_lao(apart),
        "lao, in-process, parts": in_parts(inside),
        "lao, isolated, parts": in_parts(apart),
        "csv and json": of_python(json.loads, lambda rows: json.dumps(rows, ensure_ascii=False)),
    }
    if find_spec("orjson"):
        import orjson

        found["csv and orjson"] = of_python(orjson.loads, orjson.dumps)
    if find_spec("pandas"):
        found["pandas"] = of_pandas()
    if find_spec("polars"):
        found["polars"] = of_polars()
    return found


def rounded(text: str) -> list[list[Any]]:
    """Cells of CSV; the sums of many numbers differ in their last digits."""
    rows = list(csv.reader(io.StringIO(text, newline="")))
    return [[round(float(cell), 3) if cell[:1].isdigit() else cell for cell in row] for row in rows]


def check(all_of_them: dict[str, Contestant]) -> None:
    """That everybody does the same work."""
    first = table(20_000)
    expected = all_of_them["csv and json"]
    rows = json.loads(expected["CSV to JSON"](first))
    for name, of in all_of_them.items():
        assert json.loads(of["CSV to JSON"](first)) == rows, name
        assert rounded(of["JSON to CSV"](json.dumps(rows))) == rounded(first), name
        assert rounded(of["CSV, computed"](first)) == rounded(expected["CSV, computed"](first)), name


def main() -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--language", choices=["rust", "cpp"], default="rust")
    options = parser.parse_args()
    with made("data-processor", options.language) as project, lao.Host() as host:
        all_of_them = contestants(host, project)
        check(all_of_them)
        text = table(SIZE // 10 if options.quick else SIZE)
        inputs = {"CSV to JSON": text, "CSV, computed": text}
        inputs["JSON to CSV"] = all_of_them["lao, in-process"]["CSV to JSON"](text)
        for row in ROWS:
            size = len(inputs[row].encode()) / 1e6
            calls = {name: partial(of[row], inputs[row]) for name, of in all_of_them.items()}
            for name, took in race(calls, 3 if options.quick else 5, warm_up=1).items():
                print(f"{row:14} {size:5.1f} MB {name:24} {took:9.1f} ms {size / took * 1e3:8.1f} MB/s")
            print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
