"""Motion deblurring, component by component: the library beside the course."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deblurlib.inference import restore
    from deblurlib.models import create_model, list_models

__all__ = ["create_model", "list_models", "restore"]


def __getattr__(name: str) -> Any:
    # Imported when first asked for: the doctor must run where torch is missing.
    if name == "restore":
        from deblurlib.inference import restore

        return restore
    if name in __all__:
        from deblurlib import models

        return getattr(models, name)
    raise AttributeError(f"module 'deblurlib' has no attribute {name!r}")
