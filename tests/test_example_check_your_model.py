"""The example runs as a user runs it, and each step says what it promises."""

from .pages import ROOT, run_python


def test_every_step_says_what_it_promises(tmp_path):
    said = run_python(str(ROOT / "examples/check_your_model.py"), cwd=tmp_path)
    steps = [" ".join(step.split()) for step in said.split("\n\n")]
    assert len(steps) == 5
    assert "First guilty layer: `layers[0]` (Conv2d)" in steps[0]
    assert "First guilty layer: `layers[2]` (Pointwise)" in steps[1]
    assert "passes: every rotation, reflection and shift" in steps[2]
    assert "DOES NOT COMMUTE" in steps[3]
    assert "first guilty layer: `layers[1]` (ScaleAndShift)" in steps[3]
    assert "Network commutes with hyperoctahedral(2)" in steps[4]
    assert "shifts by 1 cell" in steps[4]
