"""The set-up's files agree: pyproject.toml (bounds), requirements.lock (versions), the rest."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = ("3.11", "3.12", "3.13")


def locked() -> dict[str, str]:
    """Name to version, from the lines of requirements.lock."""
    versions = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line)
            (specifier,) = requirement.specifier
            assert specifier.operator == "==" and specifier.version == specifier.version.strip("*")
            versions[canonicalize_name(requirement.name)] = specifier.version
    return versions


def declared() -> list[Requirement]:
    """Every bound of pyproject.toml."""
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(line) for group in groups for line in group]


def test_the_lock_is_plain_lines_of_name_and_version():
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        plain = r'[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*( ; python_version == "3\.\d+")?'
        assert line.startswith("# ") or re.fullmatch(plain, line), line


@pytest.mark.parametrize("requirement", declared(), ids=str)
def test_the_lock_satisfies_every_bound(requirement):
    version = locked()[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(version, prereleases=True)


def test_pyproject_carries_bounds_only():
    for requirement in declared():
        operators = {specifier.operator for specifier in requirement.specifier}
        assert operators and operators <= {">=", "<", "!="}, requirement


def test_torchvision_stays_out():
    assert "torchvision" not in locked()


def test_the_running_environment_is_the_lock():
    # What the lock pins is what make installed: no package has drifted since.
    from importlib.metadata import PackageNotFoundError, version

    python = ".".join(map(str, sys.version_info[:2]))
    if not (ROOT / ".venv" / ".installed").exists() or Path(sys.prefix) != ROOT / ".venv":
        pytest.skip("not run from the .venv that make sets up")
    drifted = {}
    for line in (ROOT / "requirements.lock").read_text().splitlines():
        if line.startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate({"python_version": python}):
            continue
        try:
            found = version(requirement.name)
        except PackageNotFoundError:
            found = "missing"
        if not requirement.specifier.contains(found, prereleases=True):
            drifted[line] = found
    assert not drifted


def test_conda_installs_what_the_lock_says():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, pip, through_pip = environment["dependencies"]
    assert pip == "pip"
    # From conda: Python and pip, nothing else. Through pip: the lock, and this project, whose
    # own bounds the lock satisfies (above), so that pip has nothing left to choose.
    assert through_pip == {"pip": ["-r requirements.lock", "-e ."]}
    bounds = Requirement(python).specifier
    assert all(bounds.contains(f"{version}.0") for version in PYTHONS)
    assert not bounds.contains("3.10.9") and not bounds.contains("3.14.0")
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains("3.11")


def test_pre_commit_runs_what_make_check_runs():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    makefile = (ROOT / "Makefile").read_text()
    recipe = makefile.split("\ncheck:")[1].split("\n\n")[0]
    commands = re.findall(r"\$\(BIN\)/(.+)", recipe)
    assert len(hooks) == len(commands) == 4
    for hook, command in zip(hooks, commands, strict=True):
        entry = hook["entry"].removeprefix(".venv/bin/").replace(" --force-exclude", "")
        assert command.removesuffix(" .") == entry


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().splitlines()[-1] == "exec make test"


def test_the_readme_names_the_commands():
    readme = ROOT / "README.md"
    if not readme.exists():
        pytest.skip("no README yet")
    text = readme.read_text()
    missing = [
        command
        for command in ("make lab", "make test", "make course", "python -m deblurlib doctor")
        if command not in text
    ]
    assert not missing


def fake_python(folder: Path, name: str, version: tuple[int, int]) -> None:
    """A command that answers the Makefile's question as that version of Python would."""
    folder.mkdir(exist_ok=True)
    command = folder / name
    code = f"import sys; sys.version_info = {(*version, 0)}; exec(sys.argv[1])"
    command.write_text(f'#!/bin/sh\nshift\nexec "{sys.executable}" -c "{code}" "$@"\n')
    command.chmod(0o755)


def chosen(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make's set-up as far as its choice of a Python, with only ``folder`` to find one in."""
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("requirements.lock", "pyproject.toml"):
        (folder / name).touch()
    tools = folder / "tools"
    tools.mkdir(exist_ok=True)
    for tool in ("make", "sh", "sed", "test", "touch", "rm"):
        if not (tools / tool).exists():
            (tools / tool).symlink_to(shutil.which(tool))
    return subprocess.run(
        [tools / "make", *(arguments or ("setup", "-n"))],
        cwd=folder,
        env={"PATH": f"{folder / 'bin'}:{tools}"},
        capture_output=True,
        text=True,
    )


@pytest.mark.skipif(shutil.which("make") is None, reason="no make here")
class TestPythonChoice:
    def test_plain_python3_comes_first_where_it_fits(self, tmp_path):
        fake_python(tmp_path / "bin", "python3", (3, 12))
        fake_python(tmp_path / "bin", "python3.13", (3, 13))
        assert f'"{tmp_path}/bin/python3" -m venv' in chosen(tmp_path).stdout

    @pytest.mark.parametrize("version", [(3, 10), (3, 14), (2, 7)])
    def test_a_python3_that_does_not_fit_is_passed_over(self, tmp_path, version):
        fake_python(tmp_path / "bin", "python3", version)
        fake_python(tmp_path / "bin", "python3.11", (3, 11))
        assert f'"{tmp_path}/bin/python3.11" -m venv' in chosen(tmp_path).stdout

    def test_a_shim_that_refuses_to_run_is_passed_over(self, tmp_path):
        fake_python(tmp_path / "bin", "python3.12", (3, 12))
        for name in ("python3", "python3.13"):
            (tmp_path / "bin" / name).write_text("#!/bin/sh\nexit 127\n")
            (tmp_path / "bin" / name).chmod(0o755)
        assert f'"{tmp_path}/bin/python3.12" -m venv' in chosen(tmp_path).stdout

    def test_none_that_fits_is_one_clear_line(self, tmp_path):
        fake_python(tmp_path / "bin", "python3", (3, 10))
        result = chosen(tmp_path, "test")
        assert result.returncode != 0
        line = result.stderr.splitlines()[0]
        assert "No Python from 3.11 to 3.13" in line and "make PYTHON=" in line
        assert not (tmp_path / ".venv").exists()

    def test_a_named_python_is_held_to_the_same_bounds(self, tmp_path):
        fake_python(tmp_path / "bin", "python3", (3, 12))
        fake_python(tmp_path / "bin", "mine", (3, 14))
        result = chosen(tmp_path, "setup", "PYTHON=mine")
        assert result.returncode != 0 and "No Python from 3.11 to 3.13" in result.stderr
