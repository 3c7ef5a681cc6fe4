"""Hugging Face transformers: vision models by their `config`, their image processor, and pipelines that have both."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from filterscope.adapters.adaptation import Adaptation, BatchForward
from filterscope.adapters.preprocessing import Preprocessing, normalize
from filterscope.attributes import attribute
from filterscope.outputs.kind import CLASSES, EMBEDDING, MASKS, OutputKind, boxes_of_queries


def adapt(model: Any, data: Any, transform: Any) -> Adaptation | None:
    """A pipeline, or a model with a `config`; `transform=` may be its image processor."""
    inner, processor = attribute(model, "model"), attribute(model, "image_processor")
    if isinstance(inner, nn.Module) and _is_processor(processor):
        of_pipeline = Adaptation(net=inner, transform=_preprocessing(processor))
        return of_pipeline.with_inner(_of_model(inner) or Adaptation())
    of_model = _of_model(model)
    if _is_processor(transform):
        of_transform = Adaptation(transform=_preprocessing(transform), for_given_transform=True)
        return of_transform.with_inner(of_model or Adaptation())
    return of_model


def _of_model(model: Any) -> Adaptation | None:
    config = attribute(model, "config")
    names, main = attribute(config, "id2label"), attribute(model, "main_input_name")
    if not isinstance(model, nn.Module) or not isinstance(main, str) or not isinstance(names, Mapping):
        return None
    words = tuple(str(names[number]) for number in sorted(names))
    unnamed = words == tuple(f"LABEL_{number}" for number in range(len(words)))
    return Adaptation(
        forward=None if _comes_first(model, main) else _by_keyword(main),
        classes=() if unnamed else words,
        output=_kind(model, len(words)),
    )


def _kind(model: nn.Module, classes: int) -> OutputKind:
    name = type(model).__name__
    if "ObjectDetection" in name:
        return boxes_of_queries(classes)
    if "SemanticSegmentation" in name:
        return MASKS
    return CLASSES if "ImageClassification" in name else EMBEDDING


def _comes_first(model: nn.Module, name: str) -> bool:
    parameters = [*inspect.signature(model.forward).parameters.values()]
    return bool(parameters) and parameters[0].name == name and parameters[0].kind is not parameters[0].KEYWORD_ONLY


def _by_keyword(name: str) -> BatchForward:
    return BatchForward(lambda net, batch: net(**{name: batch}))


def _is_processor(thing: Any) -> bool:
    return callable(thing) and attribute(thing, "image_mean", None) is not None


def _preprocessing(processor: Any) -> Preprocessing:
    """The image processor; its Normalize is a step of its own, so that it is found and undone for display."""
    if not attribute(processor, "do_normalize", True):
        return Preprocessing("the image processor", [_Processor(processor)])
    numbers = attribute(processor, "image_mean"), attribute(processor, "image_std")
    return Preprocessing("the image processor", [_Processor(processor), normalize(*numbers)])


class _Processor:
    """An image processor without its Normalize, for one picture."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor

    def __call__(self, picture: Any) -> torch.Tensor:
        values = self._processor(picture, return_tensors="pt", do_normalize=False)["pixel_values"][0]
        return torch.as_tensor(values).float()

    def target(self, target: Any, size: tuple[int, int]) -> tuple[None, tuple[int, int]]:
        """None: a processor does not say where it moves what it resizes, cuts and pads."""
        return None, size
