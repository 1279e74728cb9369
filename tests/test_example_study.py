"""The study: cells that are there are not run again, and what its report computes."""

import dataclasses
import importlib
import json
import subprocess
import sys

import numpy as np
import pytest

from .pages import ROOT, as_a_user

EXAMPLES = ROOT / "examples"
TINY = {
    "grid": 8,
    "modes": 3,
    "trajectories": 2,
    "test-trajectories": 2,
    "steps": 4,
    "rollout-steps": 2,
    "batch-size": 2,
    "seeds": 1,
}
OPTIONS = [str(word) for item in TINY.items() for word in (f"--{item[0]}", item[1])]
QUICK = ["--arms", "persistence"]


@pytest.fixture(scope="module", autouse=True)
def beside_the_study():
    """As for a script of that folder, for the imports below."""
    sys.path.insert(0, str(EXAMPLES))
    yield
    sys.path.remove(str(EXAMPLES))


@pytest.fixture
def report():
    return importlib.import_module("study_report")


@pytest.fixture
def study():
    return importlib.import_module("study")


@pytest.fixture
def cells():
    return importlib.import_module("study_cells")


def run(out, *options, code=0):
    command = [sys.executable, "-W", "error", str(EXAMPLES / "study.py")]
    found = subprocess.run(
        [*command, "--out", str(out), *OPTIONS, *options],
        capture_output=True,
        text=True,
        env=as_a_user(),
    )
    assert found.returncode == code, found.stderr
    return found.stdout + found.stderr


def rows_in(out):
    return [json.loads(line) for line in (out / "rows.jsonl").read_text().splitlines()]


def test_finished_cells_are_lines_and_one_cut_off_is_run_again(tmp_path, study):
    run(tmp_path, *QUICK)
    rows = rows_in(tmp_path)
    assert [row["flow"] for row in rows] == ["Mach 0.1", "Mach 1"]
    assert "| Mach 1 | 2 | persistence | 1 |" in (tmp_path / "table.md").read_text()
    settings = study.Settings(
        out=tmp_path,
        **{name.replace("-", "_"): value for name, value in TINY.items()}
        | {"trajectories": (2,)},
    )
    assert study.read_rows(settings) == rows
    path = tmp_path / "rows.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]) + lines[-1][:40])
    assert study.read_rows(settings) == rows[:1] == rows_in(tmp_path)
    with pytest.raises(SystemExit, match="line 1 has other settings"):
        study.read_rows(dataclasses.replace(settings, past=3))
    assert rows_in(tmp_path) == rows[:1]


def test_a_row_of_another_recipe_or_of_an_unknown_arm_is_not_a_finished_cell(
    tmp_path, study, cells
):
    """An arm that is built in another way by now has the same name."""
    settings = study.Settings(out=tmp_path)
    row = {"arm": "twin", "settings": study.decisive(settings, "twin")}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    assert study.read_rows(settings) == [row]
    other = row["settings"] | {"arm": row["settings"]["arm"] | {"factor_limit": 1.0}}
    path.write_text(json.dumps(row | {"settings": other}) + "\n")
    with pytest.raises(SystemExit, match=r"line 1 .*factor_limit"):
        study.read_rows(settings)
    path.write_text(json.dumps(row | {"arm": "unknown"}) + "\n")
    with pytest.raises(SystemExit, match="'unknown' that is not there"):
        study.read_rows(settings)


@pytest.mark.slow
def test_every_arm_is_trained_and_units_and_turns_change_nothing(tmp_path, cells):
    run(tmp_path, "--budget", "60")
    rows = rows_in(tmp_path)
    assert {row["arm"] for row in rows} == set(cells.ARMS)
    for row in rows:
        tests = {
            name: test["smse_rollout_median"] for name, test in row["tests"].items()
        }
        assert np.isfinite(tests["as drawn"])
        arm = cells.ARMS[row["arm"]]
        turned, other = (
            abs(tests[name] / tests["as drawn"] - 1)
            for name in ("turned", "other units")
        )
        assert (turned < 1e-3) == (arm.match is None)
        assert (other < 1e-3) == (arm.units or arm.network == "persistence")


def test_a_power_law_is_found_with_an_interval_that_holds_it(report):
    """Of exact laws exactly; of noisy ones in about 95 of 100 cases."""
    x = np.array([8, 8, 32, 32, 128, 128])
    exponent, half, middle = report.power_law(x, 5 * x**-0.7)
    assert exponent == pytest.approx(0.7)
    assert half == pytest.approx(0, abs=1e-6)
    assert middle == pytest.approx(5 * 32**-0.7)
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        noisy = 5 * x**-0.7 * np.exp(0.3 * rng.standard_normal(6))
        exponent, half, _ = report.power_law(x, noisy)
        held += abs(exponent - 0.7) < half
    assert 0.91 < held / 400 < 0.99


def row(arm, trajectories, seed, error, **changes):
    scores = {
        "smse_one_step": error / 10,
        "smse_rollout": error,
        "smse_rollout_median": error,
        "lost": 1,
        "vrmse": {"density": [0.1, 0.2], "velocity": [0.1, 0.4]},
    }
    return {
        "cell": f"{arm} {trajectories} {seed}",
        "flow": "Mach 1",
        "arm": arm,
        "trajectories": trajectories,
        "seed": seed,
        "width": 1.0,
        "length": 1.0,
        "parameters": 1234,
        "training_steps": 10,
        "seconds_per_step": 0.5,
        "seconds": 9.0,
        "tests": dict.fromkeys(
            ("as drawn", "turned", "other units", "other family"), scores
        ),
    } | changes


def test_tables_say_mean_and_deviation_and_ratio(report):
    rows = [row("equivariant", 8, n, error) for n, error in enumerate((1.0, 3.0))]
    rows += [row("twin", 8, 0, 6.0)]
    table = report.main_table(rows)
    assert (
        "| Mach 1 | 8 | equivariant | 2 | 1,234 | 0.500 | 0.2 ± 0.14 | 2 ± 1.4 |"
        in (table)
    )
    assert "| Mach 1 | 8 | twin | 3.00 |" in report.ablation_table(rows)


def test_laws_need_three_amounts(report):
    def rows_of(counts):
        return [row("twin", n, s, 1 / n + s) for n in counts for s in range(2)]

    assert "trajectories, Mach 1" in report.law_table(rows_of((8, 32, 128)))
    assert report.law_table(rows_of((8, 32))) == ""


def test_figures_are_made_of_what_is_there(report, tmp_path):
    rows = [row("twin", n, s, 1 / n + s) for n in (8, 32) for s in range(2)]
    report.write(rows, tmp_path)
    assert (tmp_path / "trajectories_mach_1.png").stat().st_size > 1000
