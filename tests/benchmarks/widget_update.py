"""How long the lessons' widgets take from a moved control to a new picture.

Not a test: run it on a machine that does nothing else, with the package installed.

    python tests/benchmarks/widget_update.py

For every control of every widget: the slowest of its values, its first time (nothing cached) and
again. An update should take less than 150 ms on two cores.
"""

import runpy
import time
from pathlib import Path

from deblurlib.course.widgets import _jpeg


def main() -> None:
    """Print a line for each control: milliseconds at its slowest value, at first and again."""
    test = runpy.run_path(str(Path(__file__).parents[1] / "course/test_laboratories.py"))
    for parameter in test["laboratories"]():
        lab = parameter.values[0]
        slowest: dict[str, tuple[float, float]] = {}
        lab.render(**lab.first)
        for name, setting in lab.settings():
            times = []
            for _ in range(2):
                start = time.perf_counter()
                _jpeg(lab.render(**setting))
                lab.describe(**setting)
                times.append(1000 * (time.perf_counter() - start))
            slowest[name] = max(slowest.get(name, (0.0, 0.0)), (times[0], times[1]))
        for name, (first, again) in slowest.items():
            print(
                f"{parameter.id:24} {name:12} {first:5.0f} ms the first time, {again:4.0f} ms again"
            )


if __name__ == "__main__":
    main()
