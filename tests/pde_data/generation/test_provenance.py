from pathlib import Path

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
