"""``python -m deblurlib``."""

import sys

from deblurlib.course.environment import doctor

if __name__ == "__main__":
    if sys.argv[1:] == ["doctor"]:
        # Before the command line itself is imported: it needs the packages that may be missing.
        sys.exit(0 if doctor() else 1)
    try:
        from deblurlib.cli import main
    except KeyboardInterrupt:  # the import takes seconds
        sys.exit(130)

    sys.exit(main())
