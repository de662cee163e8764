"""Is this machine ready for the course? One line for each thing that a lesson stands on.

Nothing outside the standard library is imported before it has been found to be there: the doctor
is what a learner runs when a package is missing.
"""

import os
import platform
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, distribution, version

LEAST_MEMORY = 4.0
"""GiB; a lesson in the quick profile stays below it, JupyterLab included."""

_SET_UP = "run: make setup"


@dataclass(frozen=True)
class Check:
    """One finding: what was looked at, what was found, and what to do if it will not do."""

    ok: bool
    name: str
    detail: str
    remedy: str = ""

    def __str__(self) -> str:
        line = f"{'OK  ' if self.ok else 'FAIL'} {self.name} {self.detail}"
        return line if self.ok else f"{line} — remedy: {self.remedy}"


def doctor() -> bool:
    """Print one OK or FAIL line for each check; returns whether all are OK."""
    ready = True
    for check in checks():
        print(check)
        ready &= check.ok
    return ready


def checks() -> Iterator[Check]:
    """Every check in the order of the doctor's lines."""
    yield check_python()
    yield from check_packages()
    yield check_cores()
    yield check_memory()
    yield check_accelerator()
    yield check_precision()
    yield check_weights()


def check_python() -> Check:
    """This Python against deblurlib's ``requires-python``."""
    try:
        bounds = distribution("deblurlib").metadata["Requires-Python"]
    except PackageNotFoundError:
        return _not_installed()
    found = platform.python_version()
    ok = _within(found, bounds)
    return Check(ok, "Python", found, f"install Python {bounds}, then run: make clean setup")


def check_packages(distribution_name: str = "deblurlib") -> list[Check]:
    """Each package that ``distribution_name`` declares, against the declared bounds."""
    try:
        declared = distribution(distribution_name).requires or []
    except PackageNotFoundError:
        return [_not_installed()]
    return [check_package(requirement) for requirement in declared if ";" not in requirement]


def check_package(requirement: str) -> Check:
    """One installed package against a requirement such as ``"kornia>=0.8,<1"``.

    Raises:
        ValueError: where ``requirement`` does not begin with a package's name.
    """
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    if match is None:
        raise ValueError(f"{requirement!r} names no package; write it as 'name>=1.2'")
    name, bounds = match[0], requirement[match.end() :]
    remedy = f'{_SET_UP}, or: python -m pip install "{requirement}"'
    try:
        found = version(name)
    except PackageNotFoundError:
        return Check(False, name, "missing", remedy)
    if not _within(found, bounds):
        return Check(False, name, f"{found}, needed: {bounds}", remedy)
    return Check(True, name, found)


def check_cores() -> Check:
    """How many processor cores this process may use."""
    available = getattr(os, "sched_getaffinity", None)  # Linux only; knows about containers
    count = len(available(0)) if available else os.cpu_count() or 1
    return Check(True, "cores", f"{count}" if count > 1 else "1 (lessons are timed on 2)")


def check_memory() -> Check:
    """The machine's memory against ``LEAST_MEMORY``."""
    try:
        total = import_module("psutil").virtual_memory().total / 2**30
    except ImportError:
        return Check(False, "memory", "unknown without psutil", _SET_UP)
    remedy = f"close other programs, or use a machine with {LEAST_MEMORY:.0f} GiB or more"
    return Check(total >= LEAST_MEMORY, "memory", f"{total:.1f} GiB", remedy)


def check_accelerator() -> Check:
    """The accelerator that torch would use; a course on the CPU is fine too."""
    try:
        torch = import_module("torch")
    except (ImportError, OSError) as error:  # OSError: a shared library of torch's is missing
        return _no_torch("accelerator", error)
    if not hasattr(torch, "accelerator"):
        return Check(False, "accelerator", f"unknown to torch {torch.__version__}", _SET_UP)
    device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    if device is None:
        return Check(True, "accelerator", "none: the CPU is used")
    module = getattr(torch, device.type)
    named = hasattr(module, "get_device_name")  # Apple's GPU has no name to ask for
    name = f"{device.type}: {module.get_device_name()}" if named else device.type
    count = torch.accelerator.device_count()
    return Check(True, "accelerator", name if count == 1 else f"{name} (one of {count})")


def check_precision() -> Check:
    """Whether training runs in bfloat16 here."""
    try:
        torch = import_module("torch")
        precision = import_module("deblurlib.training.precision")
    except (ImportError, OSError) as error:
        return _no_torch("precision", error)
    if not hasattr(torch, "accelerator"):
        return Check(False, "precision", f"unknown to torch {torch.__version__}", _SET_UP)
    device = precision.best_device()
    fast = precision.bf16_is_fast(device)
    detail = "bf16 is fast" if fast else "float32 (no units for bf16)"
    return Check(True, "precision", f"{detail} on {device.type}")


def check_weights() -> Check:
    """Whether the weights that lessons load are there."""
    remedy = "check out data/weights with git, or point DEBLURLIB_DATA at the data folder"
    try:
        folder = import_module("deblurlib.data.location").data_directory() / "weights"
    except ImportError as error:
        return Check(False, "weights", f"not looked for ({error})", _SET_UP)
    except FileNotFoundError as error:
        return Check(False, "weights", f"not there ({error})", remedy)
    count = len(list(folder.glob("*.safetensors")))
    # No path: these lines are committed with notebook 00's outputs.
    return Check(count > 0, "weights", f"{count} in data/weights", remedy)


def _within(found: str, bounds: str) -> bool:
    if not bounds:
        return True
    try:
        specifiers = import_module("packaging.specifiers")
    except ImportError:  # itself a FAIL line of check_packages
        return True
    # A build's local label (2.13.0+cpu) and a pre-release count as the version that they are of.
    return bool(specifiers.SpecifierSet(bounds).contains(found, prereleases=True))


def _not_installed() -> Check:
    return Check(False, "deblurlib", f"not installed for {sys.executable}", _SET_UP)


def _no_torch(name: str, error: Exception) -> Check:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Check(False, name, f"unknown without torch ({reason})", _SET_UP)
