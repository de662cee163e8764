"""The doctor: one line a check, a remedy behind every FAIL, and no crash on a broken machine."""

import subprocess
import sys
from importlib.metadata import distribution

import pytest
import torch

from deblurlib.course import environment
from deblurlib.course.environment import Check
from deblurlib.training.precision import bf16_is_fast


def test_a_line_says_ok_or_fail_and_the_remedy():
    assert str(Check(True, "torch", "2.13.0", "unused")) == "OK   torch 2.13.0"
    failed = Check(False, "kornia", "missing", "run: make setup")
    assert str(failed) == "FAIL kornia missing — remedy: run: make setup"


def test_every_declared_package_is_checked_and_fits():
    declared = [r for r in distribution("deblurlib").requires or [] if "extra" not in r]
    checks = environment.check_packages()
    assert len(checks) == len(declared) > 10
    assert all(check.ok for check in checks), [str(check) for check in checks]


def test_an_unknown_package_is_missing():
    check = environment.check_package("no-such-package-here>=2")
    assert (check.ok, check.name, check.detail) == (False, "no-such-package-here", "missing")
    assert 'pip install "no-such-package-here>=2"' in check.remedy


def test_a_package_outside_its_bounds_names_both():
    check = environment.check_package("numpy>=999")
    assert not check.ok and check.detail.endswith("needed: >=999")
    assert environment.check_package("numpy").ok  # no bounds: any version


def test_a_requirement_without_a_name_is_refused():
    with pytest.raises(ValueError, match="names no package"):
        environment.check_package(">=2")


def test_a_build_label_does_not_count_against_a_version():
    assert environment._within("2.13.0+cpu", ">=2.6,<=2.13.0")
    assert not environment._within("2.5.1", ">=2.6")


def test_little_memory_fails_with_a_remedy(monkeypatch):
    monkeypatch.setattr(environment, "LEAST_MEMORY", 1e9)
    check = environment.check_memory()
    assert not check.ok and "GiB" in check.detail and check.remedy


def test_doctor_prints_every_check_and_reports_a_failure(monkeypatch, capsys):
    found = [Check(True, "cores", "2"), Check(False, "memory", "1.0 GiB", "buy some")]
    monkeypatch.setattr(environment, "checks", lambda: iter(found))
    assert environment.doctor() is False
    assert capsys.readouterr().out.splitlines() == [str(check) for check in found]
    monkeypatch.setattr(environment, "checks", lambda: iter(found[:1]))
    assert environment.doctor() is True


def test_the_checks_cover_what_the_course_stands_on():
    names = [check.name for check in environment.checks()]
    assert {"Python", "torch", "cores", "memory", "accelerator", "precision", "weights"} <= {*names}
    assert len(names) == len(set(names))


@pytest.mark.parametrize("missing", ["torch", "psutil", "packaging", "numpy"])
def test_the_doctor_survives_a_missing_package(missing):
    # In a fresh interpreter, where nothing has imported the package before.
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from deblurlib.course.environment import doctor; doctor()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "OK   cores" in result.stdout
    if missing == "torch":
        assert "FAIL accelerator unknown without torch" in result.stdout


def test_weights_are_looked_for_in_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DEBLURLIB_DATA", str(tmp_path))
    assert not environment.check_weights().ok
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "a.safetensors").touch()
    assert str(environment.check_weights()) == "OK   weights 1 in data/weights"


def test_a_cpu_without_units_for_bf16_computes_in_float32(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    for units, fast in [({"avx2": True}, False), ({"amx_bf16": True}, True)]:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda units=units: units, raising=False)
        assert bf16_is_fast(torch.device("cpu")) is fast


def test_an_older_torch_is_asked_its_own_way(monkeypatch):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: True)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False, raising=False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True, raising=False)
    assert bf16_is_fast(torch.device("cpu"))
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not bf16_is_fast(torch.device("cpu"))
