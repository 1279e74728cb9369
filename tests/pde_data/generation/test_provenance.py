import importlib.metadata
from pathlib import Path

import h5py
import pytest

import pde_data
from pde_data.generation import _provenance


def test_the_hash_is_of_all_the_source_of_the_package(monkeypatch, tmp_path):
    assert Path(pde_data.__file__).parent == _provenance.PACKAGE
    whole = _provenance.source_hash()
    for file in _provenance.PACKAGE.rglob("*.py"):
        copy = tmp_path / file.relative_to(_provenance.PACKAGE)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    monkeypatch.setattr(_provenance, "PACKAGE", tmp_path)
    anew = _provenance.source_hash.__wrapped__
    assert anew() == whole
    with (tmp_path / "solver" / "_gas.py").open("a") as file:
        file.write("\n")
    assert anew() != whole


def test_code_that_is_not_installed_says_so(monkeypatch):
    assert _provenance._version() == importlib.metadata.version("geomnet")

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    assert _provenance._version() == "uninstalled"


def test_a_file_of_another_making_is_not_taken_for_ours(tmp_path):
    path = tmp_path / "flow.hdf5"
    with h5py.File(path, "w") as file:
        file["density"] = [1.0]
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="was not made by pde_data; choose"):
        pde_data.generate(pde_data.GenerateConfig(grid=(8, 8)), path)
    assert path.read_bytes() == before
    path.write_text("notes")
    with pytest.raises(FileExistsError, match="It is in the way: move it, or choose"):
        pde_data.generate(pde_data.GenerateConfig(grid=(8, 8)), path)
    assert path.read_text() == "notes"
