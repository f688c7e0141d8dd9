"""The table is made of the figures, and the manual has a row for each case."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

import pytest

from bench.__main__ import CASES, HEADING, PAGE, joined, main, write_page
from bench.results import Figure, Run, goals_text, ratios, save
from tests.support.documents import section, table_rows


@pytest.fixture
def run(tmp_path: Path) -> Run:
    run = Run(tmp_path)
    run.begin("one case")
    run.add([Figure("Tocsin", "events/s", (90_000, 120_000, 100_000))])
    run.add([Figure("Tocsin / other", "", ratios([9, 12, 10], [10, 10, 10]), at_least=1.0)])
    run.begin("another case")
    run.add([Figure("an append, p99", "ms", (30.0,), at_most=25)])
    return run


def test_a_figure_is_the_median_of_its_rounds_with_their_range(run: Run) -> None:
    rate, ratio = run.figures["one case"]
    assert (rate.value, rate.met, rate.goal) == ("100,000 (90,000-120,000)", None, "")
    assert (ratio.value, ratio.met, ratio.goal) == ("1.00 (0.90-1.20)", True, ">= 1.00")


def test_the_page_gets_the_ratios_and_the_figures_with_a_goal(run: Run, tmp_path: Path) -> None:
    results, page = tmp_path / "results.json", tmp_path / "page.md"
    run.check("Tocsin", [], 12)
    save(run.as_json(), results)
    page.write_text(f"# Performance\n\n{HEADING}\n\n| an older table |\n\n## Profile\n\nText.\n")
    write_page(json.loads(results.read_text()), page)
    assert table_rows(section(page, "Last run")) == [
        ["one case", "Tocsin / other", "1.00 (0.90-1.20)", ">= 1.00", "met"],
        ["another case", "an append, p99", "30.00 ms", "<= 25.00", "**missed**"],
    ]
    assert "nothing lost, doubled, reordered or changed in 12 bodies" in page.read_text()
    assert page.read_text().startswith(f"# Performance\n\n{HEADING}\n\n20")
    assert page.read_text().endswith(".\n\n## Profile\n\nText.\n")


def test_runs_of_some_cases_each_are_joined_in_the_order_of_the_cases(tmp_path: Path) -> None:
    first, *_, last = [case.title for case in CASES.values()]
    runs = []
    for titles, value in (((last,), 1.0), ((last, first), 2.0)):
        run = Run(tmp_path)
        for title in titles:
            run.begin(title)
            run.add([Figure("ratio", "", (value,))])
            run.check("Tocsin", [f"a fault of {value}"], 7)
        runs.append(run.as_json())
    both = joined(runs)
    assert [case["title"] for case in both["cases"]] == [first, last]
    assert {case["figures"][0]["median"] for case in both["cases"]} == {2.0}
    assert (len(both["faults"]), both["checked"]) == (3, {first: 7, last: 7})


def test_the_page_has_each_case_once() -> None:
    rows = table_rows(section(PAGE, "Last run"))
    titles = [title for title, _ in groupby(row[0] for row in rows)]
    assert titles == [case.title for case in CASES.values()]


def test_the_goals_are_counted(run: Run) -> None:
    assert goals_text(run).startswith("Goals: 1 met, 1 missed\n")


def test_a_fault_fails_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def measure(run: Run) -> None:
        run.check("Tocsin", ["http://receiver: 1 of 50 events are lost, from event 49 on"], 7)

    case = next(iter(CASES))
    monkeypatch.setitem(CASES, case, CASES[case].__class__("a case", measure))
    path = tmp_path / "results.json"
    assert main([case, "--json", str(path)]) == 1
    assert "The delivery check failed: a case: Tocsin: http://receiver" in capsys.readouterr().out
    assert len(json.loads(path.read_text())["faults"]) == 1
