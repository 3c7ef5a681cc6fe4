"""Lightning: the test data of a datamodule, and the net inside of a module that has no `forward` of its own."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.modules.conv import _ConvNd

from filterscope.adapters.adaptation import Adaptation
from filterscope.attributes import attribute
from filterscope.errors import describe_exception

_LOADERS = (("test", "test_dataloader"), ("validate", "val_dataloader"), ("predict", "predict_dataloader"))


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A module with `training_step`, and a datamodule, whose test data are taken, else those for validation."""
    loader = _loader(data) if _is_datamodule(data) else None
    inner = _inner(model) if _is_lightning(model) else None
    return None if loader is None and inner is None else Adaptation(net=inner, data=loader)


def _is_lightning(model: Any) -> bool:
    return isinstance(model, nn.Module) and hasattr(type(model), "training_step")


def _inner(model: nn.Module) -> nn.Module | None:
    """The only part with convolutions of a module that does not define `forward`."""
    defined = next((kind for kind in type(model).__mro__ if "forward" in kind.__dict__), nn.Module)
    packages = ("lightning", "pytorch_lightning")
    if defined is not nn.Module and defined.__module__.partition(".")[0] not in packages:
        return None
    parts = [part for part in model.children() if any(isinstance(module, _ConvNd) for module in part.modules())]
    return parts[0] if len(parts) == 1 else None


def _is_datamodule(data: Any) -> bool:
    return (
        not isinstance(data, nn.Module)
        and callable(attribute(data, "setup"))
        and any(callable(attribute(data, name)) for _, name in _LOADERS)
    )


def _loader(data: Any) -> Any:
    """The first loader that the datamodule has.

    Raises:
        TypeError: If it has none.
    """
    refusals = []
    for stage, name in _LOADERS:
        try:
            data.setup(stage)
            loader = getattr(data, name)()
        except Exception as error:  # it has none for this stage, or its files are not there
            refusals.append(f"{name}: {describe_exception(error)}")
            continue
        if isinstance(loader, list | tuple) and loader:
            loader = loader[0]
        if loader is not None:
            return loader
    raise TypeError(
        f"the datamodule ({type(data).__name__}) gives no test, validation or prediction data "
        f"({'; '.join(refusals) or 'its loaders are None'}); call its prepare_data() where its files are not there "
        "yet, or give one of its data sets"
    )
