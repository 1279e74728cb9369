"""Every command of both programs: what it prints and its JSON say the same, its options
are explained, and what a user can cause ends in one line and code 2.
"""

import argparse
import contextlib
import dataclasses
import functools
import inspect
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import pytest

import geomnet as gn
import geomnet.__main__ as geomnet_program
import pde_data
from geomnet.testing import _command
from pde_data import _cli as pde_data_program
from pde_data.verification._cases import Result

PROGRAMS: dict[str, Any] = {"geomnet": geomnet_program, "pde_data": pde_data_program}


def commands(program: str) -> dict[str, argparse.ArgumentParser]:
    """The parsers of all commands by name, aliases included."""
    (action,) = (
        action
        for action in PROGRAMS[program]._parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return dict(action.choices)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A flow, a data set of The Well's shape and a network, all of them small."""
    folder = tmp_path_factory.mktemp("commands")
    arguments, _ = ROWS["pde_data", "generate"]
    with contextlib.chdir(folder):
        assert pde_data_program.main(["generate", *arguments.split()]) == 0
    train = folder / "well" / "data" / "train"
    train.mkdir(parents=True)
    shutil.copy(folder / "flow.hdf5", train)
    spoilt = folder / "spoilt.hdf5"
    spoilt.write_bytes((folder / "flow.hdf5").read_bytes()[:5000])
    group = gn.hyperoctahedral(2)
    net = gn.ResNet(group, "0+", "0+", hidden="0+", num_blocks=1, key=jax.random.key(0))
    gn.save(net, folder / "net.eqx")
    # It has nothing to train, so that there is little to certify.
    gn.save(gn.Persistence("0+", "0+"), folder / "same.eqx")
    return folder


@pytest.fixture(autouse=True)
def _there(folder, monkeypatch):
    """In the folder, with a verification that takes no time."""
    monkeypatch.chdir(folder)
    rows = [Result("a case", "muscl", (8, 16), (1 / 3, 1 / 12), 0.1, 1.5)]
    monkeypatch.setitem(pde_data_program.CASES, "vortex", lambda: iter(rows))


def lines_of_list(data: Any) -> Iterator[str]:
    for entries in data.values():
        for name, said in entries.items():
            yield f"  {name}: {said.get('summary') or said['signs']}"


def lines_of_arguments(data: Any) -> Iterator[str]:
    yield from lines_of_list(data)
    for kind in ("networks", "wrappers", "layers"):
        for said in data[kind].values():
            defaults = [f"{name}={value!r}" for name, value in said["defaults"].items()]
            yield f"    {', '.join(said['required'] + defaults)}"


def lines_of_settings(data: Any) -> Iterator[str]:
    yield from lines_of_list(data)
    for family in data["families"].values():
        yield f"--final-time {family['settings']['final_time']:g}; {family['box']} box"


def lines_of_filters(data: Any) -> Iterator[str]:
    bank = data["bank"]
    yield f"{bank['group']['name']}, order {bank['group']['order']}\n"
    for way in ("dimension by orbits", "dimension by characters"):
        yield f"{way:<25}{bank[way.replace(' ', '_')]}\n"
    (subspace,) = data["subspaces"]
    yield f"dimension                {subspace['dimension']} of"
    for found in (bank, subspace):
        for n, filter in enumerate(found["filters"]):
            where, polynomial = filter["place"], filter["polynomial"]
            yield f"{n:>4}  {where}  {polynomial}  |  {filter['operator']}\n"
    assert bank["dimension_by_orbits"] == len(bank["filters"]) == 3
    assert bank["filters"][0]["array"][1][1] == 1


def lines_of_certificate(data: Any) -> Iterator[str]:
    yield f"{data['model']} commutes with {data['group']}, {data['order']} elements"
    yield f"products of float32: {data['products']}\n"
    for check in data["checks"]:
        grid = "x".join(map(str, check["grid"]))
        worst = re.escape(f"{check['worst']:.1e}")
        yield rf"re:{check['stage']} +{grid} +{check['dtype']} +{worst} "


def lines_of_cost(data: Any) -> Iterator[str]:
    yield f"{data['model']}, {data['parameters']} parameters, on 4x4 cells, batch 2"
    for layer in data["layers"]:
        yield rf"re:{layer['path']} +{layer['layer']} +{layer['parameters']} "


def lines_of_check(data: Any) -> Iterator[str]:
    for file in data["files"]:
        yield f"{file['path']}: {file['layout']} layout\n"
        for finding in file["findings"]:
            mark = {True: "pass", False: "FAIL", None: "note"}[finding["passed"]]
            yield f"  {mark}  {finding['name']}: {finding['detail']}\n"
        yield f"\n  {'PASS' if file['passed'] else 'FAIL'}\n"
        drift = next(x for x in file["findings"] if x["name"] == "mass drift")
        yield f"{drift['value']:.1e} at most, bound {drift['bound']:.0e}"


def lines_of_info(data: Any) -> Iterator[str]:
    for file in data["files"]:
        yield f"{file['path']}: {file['layout']} layout\n"
        yield f"  trajectories  {file['trajectories']}\n"
        yield f"  grid          {' x '.join(map(str, file['grid']))}\n"
        first, last = file["times"][0], file["times"][-1]
        yield f"  times         {len(file['times'])}, from {first:g} to {last:g}\n"
        for field in file["fields"]:
            yield f"{field['name']}: order {field['order']}"
        # The numbers of the file themselves.
        with pde_data.load(file["path"]) as flow:
            assert file["times"] == flow.times.tolist()
            assert flow.config is not None
            settings = dataclasses.asdict(flow.config)
        assert json.loads(json.dumps(settings)) == file["settings"]
        yield f"  family        {file['settings']['family']}\n"


def lines_of_verification(data: Any) -> Iterator[str]:
    assert data["results"][0]["errors"] == [1 / 3, 1 / 12]
    for row in data["results"]:
        yield rf"re:{row['case']} +{row['scheme']} "
        yield f" {row['observed_order']:.2f}  "
        yield "pass" if row["passed"] else "FAIL"


def line_of_path(data: Any) -> Iterator[str]:
    done = "complete already" if data.get("complete_already") else "done"
    yield f"{data['path']}: {done}."
    assert Path(data["path"]).is_file()


Lines = Callable[[Any], Iterator[str]]
# Of each command: its arguments, and what its data say that must be in its words.
ROWS: dict[tuple[str, str], tuple[str, Lines]] = {
    ("geomnet", "list"): ("", lines_of_arguments),
    ("geomnet", "filters"): ("--type 0+ --isotropic", lines_of_filters),
    ("geomnet", "certify"): (
        "same.eqx --grid 4 --elements 2 --dtypes bfloat16",
        lines_of_certificate,
    ),
    ("geomnet", "cost"): ("net.eqx --grid 4 --batch 2", lines_of_cost),
    ("pde_data", "list"): ("", lines_of_settings),
    ("pde_data", "families"): ("", lines_of_settings),
    ("pde_data", "generate"): (
        "--out flow.hdf5 --grid 8 --snapshots 2 --final-time 0.01 --mach 0.1 0.3 "
        "--scheme safe --viscous-steps explicit --quiet",
        line_of_path,
    ),
    ("pde_data", "check"): ("flow.hdf5 flow.hdf5", lines_of_check),
    ("pde_data", "info"): ("flow.hdf5", lines_of_info),
    ("pde_data", "plot"): ("flow.hdf5 --number 1", line_of_path),
    ("pde_data", "animate"): ("flow.hdf5", line_of_path),
    ("pde_data", "statistics"): ("well", line_of_path),
    ("pde_data", "verify"): ("--only vortex", lines_of_verification),
}


def test_every_command_has_its_row():
    names = [(program, name) for program in PROGRAMS for name in commands(program)]
    assert sorted(names) == sorted(ROWS)


def run(program: str, words: list[str], capsys) -> tuple[Any, str, str]:
    """The code, what it prints and what it says on stderr."""
    try:
        code = PROGRAMS[program].main(words)
    except SystemExit as stop:
        code = stop.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def parsed(text: str) -> Any:
    """JSON as its definition has it."""
    return json.loads(text, parse_constant=pytest.fail)


@pytest.fixture
def once(monkeypatch):
    """The slow functions find one result, which is said in several ways."""
    for module, name in [
        (_command, "certify"),
        (_command, "cost"),
        (pde_data_program, "check_file"),
    ]:
        found: dict[str, Any] = {}
        slow = getattr(module, name)

        def fast(*args, slow=slow, found=found, **named):
            if not found:
                found["first"] = slow(*args, **named)
            return found["first"]

        monkeypatch.setattr(module, name, functools.wraps(slow)(fast))


@pytest.mark.parametrize(("program", "command"), ROWS)
def test_json_says_what_the_words_say(program, command, once, tmp_path, capsys):
    arguments, lines = ROWS[program, command]
    words = [command, *arguments.split()]
    report = tmp_path / "report.json"
    code, text, err = run(program, [*words, "--json", str(report)], capsys)
    assert (code, err) == (0, "")
    data = parsed(report.read_text())
    expected = list(lines(data))
    assert expected
    for line in expected:
        pattern = line[3:] if line.startswith("re:") else re.escape(line)
        assert re.search(pattern, text), (line, text)
    # Alone, it is all that is printed.
    code, printed, err = run(program, [*words, "--json"], capsys)
    assert (code, err) == (0, "")
    assert parsed(printed) == data
    # No colours where nobody sees them, and no file that was only on its way.
    assert "\x1b" not in text + printed
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


def test_a_check_that_fails_says_so_in_both(capsys, monkeypatch):
    bad = [Result("a case", "muscl", (8,), (float("nan"),), 0.1)]
    monkeypatch.setitem(pde_data_program.CASES, "vortex", lambda: iter(bad))
    words = ["verify", "--only", "vortex"]
    assert run("pde_data", words, capsys)[0] == 1
    code, out, _ = run("pde_data", [*words, "--json"], capsys)
    data = parsed(out)
    assert (code, data["passed"], data["results"][0]["errors"]) == (1, False, ["NaN"])


def test_a_file_that_cannot_be_read_is_in_the_data_and_the_others_too(capsys):
    for command in ("check", "info"):
        words = [command, "none.hdf5", "flow.hdf5", "--json"]
        code, out, err = run("pde_data", words, capsys)
        first, second = parsed(out)["files"]
        assert (code, err) == (2, f"error: {first['error']}\n")
        assert second["layout"] == "pdebench"


def test_the_list_is_what_there_is(capsys):
    data = parsed(run("geomnet", ["list", "--json"], capsys)[1])
    for module, kinds in [(gn.models, ("networks", "wrappers")), (gn.nn, ("layers",))]:
        named = {name for kind in kinds for name in data[kind]}
        public = {
            name
            for name, value in vars(module).items()
            if inspect.isclass(value)
            and issubclass(value, gn.nn.AbstractLayer)
            and not name.startswith("Abstract")
            and not (module is gn.models and name.endswith("Block"))
        }
        assert named == public
    for name, group in data["groups"].items():
        assert hasattr(gn, name)
        for full, order in group["elements"].items():
            assert gn.Group.from_name(full).order == order
    for name, rule in data["boundaries"].items():
        assert gn.nn.Boundary[name].value == rule["summary"]
    assert [name for name, n in data["norms"].items() if n["is_default"]] == [
        data["networks"]["UNet"]["defaults"]["norm"]
    ]
    for name in data["types"]:
        assert str(gn.TensorType.parse(name)) == name


def unexplained(command: argparse.ArgumentParser) -> list[str]:
    """Arguments without a word, and defaults that are not said."""
    wrong = []
    for action in command._actions:
        name = action.option_strings[-1] if action.option_strings else action.dest
        text = action.help or ""
        is_switch = action.nargs == 0
        if len(text.split()) < 2 and name not in ("FILE",):
            wrong.append(f"{name} says nothing")
        is_optional = bool(action.option_strings) and not action.required
        said = "default" in text or "without" in text
        if is_optional and not is_switch and name != "--json" and not said:
            wrong.append(f"{name} does not say what holds without it")
    return wrong


@pytest.mark.parametrize(("program", "command"), ROWS)
def test_every_option_is_explained_with_its_default(program, command):
    assert unexplained(commands(program)[command]) == []
    assert commands(program)[command].format_help().startswith("usage: python -m")


def test_an_option_without_a_word_would_be_seen():
    command = argparse.ArgumentParser()
    command.add_argument("--size", default=3)
    command.add_argument("--width", default=3, help="how wide")
    assert len(unexplained(command)) == 3


def test_versions(capsys):
    for program in PROGRAMS:
        code, out, err = run(program, ["--version"], capsys)
        assert (code, err) == (0, "")
        assert re.fullmatch(rf"{program} (\d+\.\d+\.\d+\S*|uninstalled)\n", out)


WRONG = [
    ("geomnet", "", "required: COMMAND"),
    ("geomnet", "filtres", "Did you mean filters?"),
    ("geomnet", "filters --tpye 1-", "Did you mean --type?"),
    ("geomnet", "filters --type q", "not a tensor type"),
    ("geomnet", "filters --draw none/bank.png", "There is no folder none"),
    ("geomnet", "filters --draw bank.nothing", "supported"),
    ("geomnet", "certify", "required: checkpoint"),
    ("geomnet", "certify none.eqx", "There is no file none.eqx"),
    ("geomnet", "certify well", "There is no file well"),
    ("geomnet", "certify flow.hdf5", "not a checkpoint"),
    ("geomnet", "certify net.eqx --grid -4", "a whole number from 1 to 65536"),
    ("geomnet", "certify net.eqx --grid 4 4 4", "`grid` (4, 4, 4)"),
    ("geomnet", "certify net.eqx --grid 4 --dtypes int8", "`dtypes`"),
    ("geomnet", "certify net.eqx --grid 4 --precision much", "`precision`"),
    ("geomnet", "certify net.eqx --elements 0", "a whole number from 1"),
    ("geomnet", "certify --json net.eqx", "put `--json` last"),
    ("geomnet", "cost net.eqx", "required: --grid"),
    ("geomnet", "cost net.eqx --grid 9e9", "a whole number from 1 to 65536"),
    ("geomnet", "cost net.eqx --grid 4 --batch 0", "a whole number from 1"),
    ("geomnet", "cost net.eqx --grid 4 --json well", "is a folder"),
    ("geomnet", "cost net.eqx --grid 4 --json none/a.json", "no such folder"),
    ("pde_data", "", "required: COMMAND"),
    ("pde_data", "chekc flow.hdf5", "Did you mean check?"),
    ("pde_data", "check", "required: file"),
    ("pde_data", "check none.hdf5", "There is no file none.hdf5"),
    ("pde_data", "check well", "is a folder"),
    ("pde_data", "check net.eqx", "not a readable HDF5 file"),
    ("pde_data", "check --json spoilt.hdf5 flow.hdf5", "put `--json` last"),
    ("pde_data", "check flow.hdf5 --json none/a.json", "no such folder"),
    ("pde_data", "info spoilt.hdf5", "truncated"),
    ("pde_data", "info flow.hdf5 --jsn", "Did you mean --json?"),
    ("pde_data", "plot flow.hdf5 --out none/a.png", "There is no folder none"),
    ("pde_data", "plot flow.hdf5 --out a.nothing", "must end in one of"),
    ("pde_data", "plot flow.hdf5 --trajectory 7", "`trajectory`"),
    ("pde_data", "animate flow.hdf5 --quantity densty", "Did you mean density?"),
    ("pde_data", "statistics none", "There is no .hdf5"),
    ("pde_data", "verify --only vortx", "Did you mean vortex?"),
    ("pde_data", "verify --only vortex --out flow.hdf5", "flow.hdf5"),
    ("pde_data", "generate", "required: --out"),
]


@pytest.mark.parametrize(("program", "words", "message"), WRONG)
def test_what_is_wrong_is_one_line_and_code_2(program, words, message, folder, capsys):
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    code, out, err = run(program, words.split(), capsys)
    assert code == 2
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err
    assert "error" not in out
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_every_command_is_given_something_wrong():
    given = {(program, words.split(" ")[0]) for program, words, _ in WRONG}
    assert {row for row in ROWS if row[1] not in ("list", "families")} <= given
