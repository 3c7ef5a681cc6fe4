"""Small classes in the shape of other libraries' models: what the adapters know them by, and nothing else."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import torch
from torch import nn


def backbone(channels=3):
    return nn.Sequential(nn.Conv2d(channels, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 3, padding=1), nn.ReLU())


class Classifier(nn.Module):
    def __init__(self, classes=4, channels=3):
        super().__init__()
        self.body = backbone(channels)
        self.head = nn.Linear(8, classes) if classes else nn.Identity()

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


class TimmNet(Classifier):
    def __init__(self, classes=4, **config):
        super().__init__(classes)
        self.num_classes = classes
        self.pretrained_cfg = {
            "input_size": (3, 32, 32),
            "mean": (0.5, 0.4, 0.3),
            "std": (0.2, 0.25, 0.3),
            "crop_pct": 0.8,
            "interpolation": "bicubic",
            "num_classes": classes,
            **config,
        }


class Detect(nn.Module):
    """ultralytics' head: `(N, 4 + K, A)` of boxes by centre and size, and scores."""

    nc = 2
    end2end = False

    def __init__(self):
        super().__init__()
        self.register_buffer("answers", torch.zeros(0))

    def forward(self, x):
        rows = torch.zeros(len(x), 6, 3)
        # Two that overlap and one elsewhere; the score follows the map, so that filters matter.
        rows[:, :4] = torch.tensor([[10.0, 11.0, 40.0], [10.0, 10.0, 30.0], [8.0, 8.0, 10.0], [8.0, 8.0, 6.0]])
        rows[:, 4:] = torch.tensor([[0.9, 0.8, 0.1], [0.2, 0.1, 0.7]]) + 0 * x.mean()
        return rows, {"feats": [x]}


class DetectionNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(*backbone(), Detect())
        self.yaml, self.names, self.stride = {"nc": 2}, {0: "person", 1: "bus"}, torch.tensor([8.0, 16.0])
        self.args = {"imgsz": 64}
        self.task = "detect"

    def forward(self, x):
        return self.model(x)


class YOLO(nn.Module):
    """It holds its net and is a module itself, whose call takes pictures and not batches."""

    def __init__(self, task="detect", model=None):
        super().__init__()
        self.task, self.overrides, self.predictor = task, {"task": task}, None
        self.model = DetectionNet() if model is None else model

    def forward(self, *args, **kwargs):
        raise RuntimeError("it predicts pictures")


class SegmentationNet(nn.Module):
    """segmentation-models-pytorch's parts."""

    def __init__(self, classes=3, weights=None):
        super().__init__()
        self.encoder, self.decoder = backbone(), nn.Conv2d(8, 8, 1)
        self.segmentation_head = nn.Conv2d(8, classes, 1)
        self.encoder.output_stride = 32
        self.config = {"encoder_name": "small", "encoder_weights": weights, "in_channels": 3}

    def forward(self, x):
        return self.segmentation_head(self.decoder(self.encoder(x)))


class UNet(nn.Module):
    """MONAI's: known by where its class was defined."""

    def __init__(self, axes=2):
        super().__init__()
        conv = nn.Conv2d if axes == 2 else nn.Conv3d
        self.first, self.last = conv(1, 4, 3, padding=1), conv(4, 2, 1)

    def forward(self, x):
        return self.last(self.first(x).relu())


UNet.__module__ = "monai.networks.nets.unet"


class HuggingFaceNet(nn.Module):
    """transformers' classifier, called by keyword alone."""

    main_input_name = "pixel_values"

    def __init__(self, names=("cat", "dog", "owl")):
        super().__init__()
        self.net = Classifier(len(names))
        self.config = SimpleNamespace(id2label=dict(enumerate(names)))

    def forward(self, *, pixel_values, labels=None):
        return SimpleNamespace(logits=self.net(pixel_values), loss=None)


class HuggingFaceForImageClassification(HuggingFaceNet):
    pass


class HuggingFaceModel(HuggingFaceNet):
    """Without a head: its output has no logits."""

    def forward(self, *, pixel_values):
        return SimpleNamespace(last_hidden_state=self.net.body(pixel_values), pooler_output=self.net(pixel_values))


class HuggingFaceForObjectDetection(HuggingFaceNet):
    def forward(self, *, pixel_values):
        pooled = self.net.body(pixel_values).mean((2, 3))
        logits = torch.tensor([[8.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 8.0]]).expand(len(pooled), 2, 4)
        boxes = torch.tensor([[0.5, 0.5, 0.5, 0.25], [0.1, 0.1, 0.1, 0.1]]).expand(len(pooled), 2, 4)
        return SimpleNamespace(logits=logits + 0 * pooled.mean(), pred_boxes=boxes)


class ImageProcessor:
    image_mean, image_std, do_normalize = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3), True

    def __call__(self, images, return_tensors=None, do_normalize=True):
        values = torch.from_numpy(np.array(images.resize((24, 24)), np.float32).transpose(2, 0, 1) / 255)
        if do_normalize:
            mean, std = (torch.tensor(each)[:, None, None] for each in (self.image_mean, self.image_std))
            values = (values - mean) / std
        return {"pixel_values": values[None]}


class Pipeline:
    def __init__(self, model, image_processor):
        self.model, self.image_processor, self.task = model, image_processor, "image-classification"

    def __call__(self, images):
        raise RuntimeError("it takes paths")


class EEGNet(nn.Module):
    """braindecode's: recordings `(N, channels, times)`, to which it adds an axis itself."""

    def __init__(self):
        super().__init__()
        self.n_chans, self.n_times, self.n_outputs = 8, 40, 3
        self.temporal, self.spatial = nn.Conv2d(1, 4, (1, 5)), nn.Conv2d(4, 4, (8, 1))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        if x.shape[1:] != (8, 40):
            raise ValueError(f"it is no recording: {tuple(x.shape)}")
        return self.head(self.spatial(self.temporal(x[:, None])).relu().mean((2, 3)))


class Signals(nn.Module):
    """braindecode's with convolutions along time alone."""

    def __init__(self):
        super().__init__()
        self.n_chans, self.n_times, self.n_outputs = 8, None, 3
        self.n_times = 40
        self.conv = nn.Conv1d(8, 4, 3)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.conv(x).relu().mean(2))


class FastaiLoader:
    """A loader whose items go through `do_item`, `create_batch` and `after_batch`."""

    def __init__(self, images, labels, vocab):
        self.dataset, self.vocab = list(zip(images, labels, strict=True)), vocab
        self.bs = 2
        self._mean, self._std = torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 0.25)

    def do_item(self, index):
        image, label = self.dataset[index]
        return torch.from_numpy(np.array(image)).permute(2, 0, 1), label

    def create_batch(self, items):
        return torch.stack([image for image, _ in items]), torch.tensor([label for _, label in items])

    @property
    def after_batch(self):
        steps = SimpleNamespace(mean=self._mean, std=self._std)

        class Steps:
            fs = [steps]

            def __call__(_, batch):
                images, labels = batch
                return (images.float() / 255 - self._mean) / self._std, labels

        return Steps()


class FastaiLoaders:
    def __init__(self, valid):
        self.train, self.valid, self.loaders, self.vocab = valid, valid, [valid, valid], valid.vocab


class Learner:
    def __init__(self, model, dls):
        self.model, self.dls, self.loss_func = model, dls, nn.CrossEntropyLoss()


class LightningModule(nn.Module):
    def training_step(self, batch, number):
        return nn.functional.cross_entropy(self(batch[0]), batch[1])

    def forward(self, *args, **kwargs):
        raise NotImplementedError


LightningModule.__module__ = "lightning.pytorch.core.module"


class WithForward(LightningModule):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x)


class WithoutForward(LightningModule):
    def __init__(self, net):
        super().__init__()
        self.net, self.loss = net, nn.CrossEntropyLoss()


class DataModule:
    def __init__(self, items=None, validation=None):
        self._items, self._validation, self.stages = items, validation, []

    def setup(self, stage):
        self.stages.append(stage)

    def test_dataloader(self):
        return None if self._items is None else torch.utils.data.DataLoader(self._items, batch_size=2)

    def val_dataloader(self):
        return None if self._validation is None else torch.utils.data.DataLoader(self._validation, batch_size=2)


class NeuralNet:
    """skorch's."""

    def __init__(self, module):
        self.module, self.criterion, self.iterator_valid = module, nn.CrossEntropyLoss, object

    def initialize(self):
        self.module_ = self.module()
        self.classes_ = np.array(["low", "mid", "high", "top"])
        return self
