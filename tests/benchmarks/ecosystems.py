"""Four nets of each of ten libraries, as their users have them, in one line each.

For each: does `Explorer(model, data)` open, how long that takes, what its output is shown as, and how far the response
of every layer plus its bias is from what the layer computes, and its maps from those that hooks on the library's own
net see when the library calls it. Random weights, no network.

    python tests/benchmarks/ecosystems.py [library …]

needs timm, ultralytics, segmentation-models-pytorch, monai, transformers, braindecode, fastai, lightning and skorch
beside torchvision; it writes `ecosystems.md` when all are asked for. A library's import does not count, nor does the
making of the model; the seconds are the processor's, since the clock's count what else the machine does.
"""

from __future__ import annotations

import os

os.environ.update(YOLO_OFFLINE="1", HF_HUB_OFFLINE="1", NO_ALBUMENTATIONS_UPDATE="1")
import json
import subprocess
import sys
import time
import traceback
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

HERE = Path(__file__).resolve()
LAYERS = 8  # that are compared, at the most, spread over the net
RANDOM = np.random.default_rng(0)


def pictures(count=3, height=150, width=200):
    return [Image.fromarray(RANDOM.integers(0, 256, (height, width, 3), np.uint8)) for _ in range(count)]


def small_cnn(channels=3, classes=5):
    return nn.Sequential(
        nn.Conv2d(channels, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, classes),
    )


def call_with_batch(net, image):
    return net(image)


def of_timm():
    import timm
    from timm.data import create_transform, resolve_data_config

    for name, options in (
        ("resnet18", {}),
        ("efficientnet_b0", {}),
        ("convnext_atto", {"num_classes": 0}),
        ("mobilenetv3_small_050", {"features_only": True}),
    ):
        net = timm.create_model(name, **options).eval()
        inner = net if hasattr(net, "pretrained_cfg") else getattr(net, "model", net)
        transform = create_transform(**resolve_data_config({}, model=inner))
        given = ", ".join(f"{key}={value}" for key, value in options.items())
        yield f"{name} {given}".strip(), net, pictures(), {}, lambda image, net=net, t=transform: (net, t(image)[None])


def of_torchvision():
    from torchvision import models

    weights = models.ResNet18_Weights.DEFAULT
    net = models.resnet18().eval()
    yield (
        "resnet18, transform= its weights",
        net,
        pictures(),
        {"transform": weights},
        (lambda image: (net, weights.transforms()(image)[None])),
    )
    tensors = [torch.rand(3, 160, 200) for _ in range(3)]
    for name, net in (
        (
            "fasterrcnn_mobilenet_v3_large_320_fpn",
            models.detection.fasterrcnn_mobilenet_v3_large_320_fpn(weights=None, weights_backbone=None),
        ),
        (
            "lraspp_mobilenet_v3_large",
            models.segmentation.lraspp_mobilenet_v3_large(weights=None, weights_backbone=None),
        ),
        ("r3d_18", models.video.r3d_18(weights=None)),
    ):
        net.eval()
        if name == "r3d_18":
            tensors = [torch.rand(3, 8, 56, 56) for _ in range(3)]
        call = (
            (lambda image, net=net: (net, [image])) if "rcnn" in name else (lambda image, net=net: (net, image[None]))
        )
        yield name, net, tensors, {}, call


def of_ultralytics():
    from ultralytics import YOLO
    from ultralytics.data.augment import LetterBox

    for name in ("yolov8n", "yolo11n", "yolo11n-seg", "yolov8n-cls"):
        yolo = YOLO(f"{name}.yaml", verbose=False)
        yolo.overrides["imgsz"] = 320 if not name.endswith("cls") else 128
        yolo.model.eval()

        def prepared(image, yolo=yolo, name=name):
            if name.endswith("cls"):
                from ultralytics.data.augment import classify_transforms

                return yolo.model, classify_transforms(128)(image.convert("RGB"))[None]
            boxed = LetterBox((320, 320), auto=True, stride=32)(image=np.asarray(image))
            return yolo.model, torch.from_numpy(boxed).permute(2, 0, 1)[None].float() / 255

        yield f"YOLO('{name}.yaml')", yolo, pictures(), {}, prepared


def of_segmentation_models():
    import segmentation_models_pytorch as smp

    for name, options in (
        ("Unet", {"classes": 3}),
        ("FPN", {"classes": 1}),
        ("DeepLabV3Plus", {"classes": 4}),
        ("Unet", {"classes": 2, "in_channels": 1, "aux_params": {"classes": 5}}),
    ):
        net = getattr(smp, name)("resnet18", encoder_weights=None, **options).eval()
        channels = options.get("in_channels", 3)
        data = [(torch.rand(channels, 96, 128), torch.randint(0, 2, (96, 128))) for _ in range(3)]
        given = ", ".join(f"{key}={value}" for key, value in options.items())
        yield f"{name} {given}", net, data, {}, lambda item, net=net: (net, item[0][None])


def of_monai():
    import monai.networks.nets as nets

    for name, net, size in (
        ("UNet, 2-D", nets.UNet(2, 1, 3, (8, 16, 32), (2, 2)), (1, 64, 64)),
        ("UNet, 3-D", nets.UNet(3, 1, 2, (8, 16, 32), (2, 2)), (1, 32, 32, 32)),
        ("SegResNet, 3-D", nets.SegResNet(3, 8, 2, 3), (2, 32, 32, 32)),
        ("DenseNet121, 3-D", nets.DenseNet121(3, 1, 4), (1, 32, 32, 32)),
    ):
        net.eval()
        label = {"label": 1} if "Dense" in name else {"label": torch.randint(0, 2, (1, *size[1:]))}
        data = [{"image": torch.rand(size), **label} for _ in range(3)]
        yield name, net, data, {}, lambda item, net=net: (net, item["image"][None])


def of_transformers():
    from transformers import (
        ConvNextImageProcessor,
        DetrConfig,
        DetrForObjectDetection,
        DetrImageProcessor,
        ResNetConfig,
        ResNetForImageClassification,
        SegformerConfig,
        SegformerForSemanticSegmentation,
        SegformerImageProcessor,
        ViTConfig,
        ViTImageProcessor,
        ViTModel,
        pipeline,
    )

    torch.manual_seed(0)
    small = {"embedding_size": 16, "hidden_sizes": [16, 32], "depths": [1, 1], "layer_type": "basic"}
    names = {0: "cat", 1: "dog", 2: "owl"}
    net = ResNetForImageClassification(ResNetConfig(**small, id2label=names)).eval()
    processor = ConvNextImageProcessor(size={"shortest_edge": 96}, crop_pct=1.0)
    piped = pipeline("image-classification", model=net, image_processor=processor)
    yield (
        "ResNet, a pipeline",
        piped,
        pictures(),
        {},
        lambda image: (net, processor(image, return_tensors="pt")["pixel_values"]),
    )
    segformer = SegformerForSemanticSegmentation(
        SegformerConfig(
            depths=[1] * 4, hidden_sizes=[8, 16, 24, 32], decoder_hidden_size=16, num_attention_heads=[1, 1, 2, 2]
        )
    ).eval()
    of_segformer = SegformerImageProcessor(size={"height": 128, "width": 128})
    yield (
        "SegFormer, transform= its processor",
        segformer,
        pictures(),
        {"transform": of_segformer},
        (lambda image: (segformer, of_segformer(image, return_tensors="pt")["pixel_values"])),
    )
    vit = ViTModel(
        ViTConfig(
            hidden_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            image_size=64,
            patch_size=8,
        )
    ).eval()
    of_vit = ViTImageProcessor(size={"height": 64, "width": 64})
    yield (
        "ViTModel, no head",
        vit,
        pictures(),
        {"transform": of_vit},
        (lambda image: (vit, of_vit(image, return_tensors="pt")["pixel_values"])),
    )
    detr = DetrForObjectDetection(
        DetrConfig(
            backbone_config=ResNetConfig(**small, out_features=["stage2"]),
            use_timm_backbone=False,
            use_pretrained_backbone=False,
            backbone=None,
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_ffn_dim=32,
            decoder_ffn_dim=32,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            num_queries=10,
            id2label=names,
        )
    ).eval()
    of_detr = DetrImageProcessor(size={"shortest_edge": 96, "longest_edge": 160})
    yield (
        "DETR, transform= its processor",
        detr,
        pictures(),
        {"transform": of_detr},
        (lambda image: (detr, of_detr(image, return_tensors="pt")["pixel_values"])),
    )


def of_braindecode():
    import braindecode.models as models

    for name in ("EEGNet", "ShallowFBCSPNet", "Deep4Net", "TCN"):
        if name == "TCN":
            net = models.TCN(n_chans=8, n_outputs=4, n_blocks=2, n_filters=8, kernel_size=3, drop_prob=0.2)
        else:
            net = getattr(models, name)(n_chans=8, n_outputs=4, n_times=600, sfreq=128)
        net.eval()
        data = [(RANDOM.normal(size=(8, 600)).astype(np.float32), i % 4, [i, 0, 600]) for i in range(3)]
        yield name, net, data, {}, lambda item, net=net: (net, torch.from_numpy(item[0])[None])


def of_fastai():
    from fastai.vision.all import (
        CategoryBlock,
        CrossEntropyLossFlat,
        DataBlock,
        ImageBlock,
        Learner,
        MaskBlock,
        Normalize,
        Resize,
        imagenet_stats,
        unet_learner,
    )
    from torchvision import models

    images = pictures(8)

    def loaders(batch_tfms=()):
        block = DataBlock(
            (ImageBlock, CategoryBlock),
            get_x=lambda i: images[i],
            get_y=lambda i: "ab"[i % 2],
            item_tfms=Resize(96),
            batch_tfms=list(batch_tfms),
        )
        return block.dataloaders(range(8), bs=2, num_workers=0)

    def item(learner):
        def called(_):
            loader = learner.dls.valid
            x = loader.after_batch(loader.create_batch([loader.do_item(0)]))[0]
            return learner.model, x

        return called

    plain, normal = loaders(), loaders([Normalize.from_stats(*imagenet_stats)])
    for name, dls, net in (
        ("Learner of resnet18", normal, models.resnet18(num_classes=2)),
        ("Learner of a Sequential", plain, small_cnn(classes=2)),
    ):
        learner = Learner(dls, net.eval(), loss_func=CrossEntropyLossFlat())
        yield name, learner, dls, {}, item(learner)
    learner = Learner(normal, small_cnn(classes=2).eval(), loss_func=CrossEntropyLossFlat())
    yield "Learner, dls.valid", learner, normal.valid, {}, item(learner)
    masks = DataBlock(
        (ImageBlock, MaskBlock(codes=["sky", "road"])),
        get_x=lambda i: images[i],
        get_y=lambda i: Image.fromarray((np.asarray(images[i])[..., 0] > 127).astype(np.uint8)),
        item_tfms=Resize(64),
    ).dataloaders(range(8), bs=2, num_workers=0)
    learner = unet_learner(masks, models.resnet18, pretrained=False, n_out=2, normalize=False)
    learner.model.eval()
    yield "unet_learner", learner, masks, {}, item(learner)


def of_lightning():
    import lightning
    import timm
    from torch.utils.data import DataLoader

    class Module(lightning.LightningModule):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x)

        def training_step(self, batch, number):
            return nn.functional.cross_entropy(self(batch[0]), batch[1])

    class NoForward(lightning.LightningModule):
        def __init__(self, net):
            super().__init__()
            self.model = net

        def training_step(self, batch, number):
            return nn.functional.cross_entropy(self.model(batch[0]), batch[1])

    class Data(lightning.LightningDataModule):
        def setup(self, stage):
            self.items = [(torch.rand(3, 64, 64), i % 5) for i in range(4)]

        def test_dataloader(self):
            return DataLoader(self.items, batch_size=2)

    class Validation(lightning.LightningDataModule):
        def setup(self, stage):
            self.items = [(torch.rand(3, 64, 64), i % 5) for i in range(4)]

        def val_dataloader(self):
            return DataLoader(self.items, batch_size=2)

    for name, kind, net, data in (
        ("module with forward", Module, small_cnn(), Data()),
        ("module without forward", NoForward, small_cnn(), Data()),
        ("module of timm's resnet18", Module, timm.create_model("resnet18", num_classes=5), Validation()),
        ("module, test_dataloader()", Module, small_cnn(), None),
    ):
        module = kind(net).eval()
        if data is None:
            data = Data()
            data.setup("test")
            given = data.test_dataloader()
        else:
            given = data
        run = module if kind is Module else net
        yield name, module, given, {}, lambda _, run=run, data=data: (run, data.items[0][0][None])


def of_skorch():
    from braindecode.models import EEGNet
    from skorch import NeuralNetClassifier, NeuralNetRegressor

    images, labels = RANDOM.normal(size=(20, 3, 32, 32)).astype(np.float32), np.arange(20) % 5
    options = {"max_epochs": 1, "verbose": 0, "criterion": nn.CrossEntropyLoss, "train_split": None}
    fitted = NeuralNetClassifier(small_cnn, **options).fit(images, labels)
    yield (
        "NeuralNetClassifier, fitted",
        fitted,
        (images, labels),
        {},
        (lambda _: (fitted.module_.eval(), torch.from_numpy(images[:1]))),
    )
    initialized = NeuralNetClassifier(small_cnn, module__channels=1, criterion=nn.CrossEntropyLoss).initialize()
    yield (
        "NeuralNetClassifier, initialized",
        initialized,
        images[:, :1],
        {},
        (lambda _: (initialized.module_.eval(), torch.from_numpy(images[:1, :1]))),
    )
    regressor = NeuralNetRegressor(small_cnn, module__classes=1).initialize()
    targets = RANDOM.normal(size=(20, 1)).astype(np.float32)
    yield (
        "NeuralNetRegressor",
        regressor,
        (images, targets),
        {},
        (lambda _: (regressor.module_.eval(), torch.from_numpy(images[:1]))),
    )
    eeg = NeuralNetClassifier(EEGNet, module__n_chans=8, module__n_outputs=4, module__n_times=300, module__sfreq=128)
    eeg.initialize()
    recordings = RANDOM.normal(size=(20, 8, 300)).astype(np.float32)
    data = [(recording, i % 4) for i, recording in enumerate(recordings)]
    yield "of braindecode's EEGNet", eeg, data, {}, (lambda _: (eeg.module_.eval(), torch.from_numpy(recordings[:1])))


LIBRARIES = {
    "timm": of_timm,
    "torchvision": of_torchvision,
    "ultralytics": of_ultralytics,
    "segmentation-models-pytorch": of_segmentation_models,
    "monai": of_monai,
    "transformers": of_transformers,
    "braindecode": of_braindecode,
    "fastai": of_fastai,
    "lightning": of_lightning,
    "skorch": of_skorch,
}


def maps_by_hooks(net, batch):
    """What hooks see of the outputs of convolutions when the library's own net is given a batch, by module."""
    seen = {}

    def noting(name):
        def note(module, args, output):
            seen.setdefault(name, output.detach().clone())  # and nothing is returned: that would replace the output

        return note

    hooks = [
        module.register_forward_hook(noting(name))
        for name, module in net.named_modules()
        if isinstance(module, nn.modules.conv._ConvNd)
    ]
    with torch.no_grad():
        net(batch)
    for hook in hooks:
        hook.remove()
    return seen


def measured(name, model, data, options, oracle):
    from filterscope import Explorer

    start = time.process_time()
    explorer = Explorer(model, data, **options)
    row = {"net": name, "cpu": time.process_time() - start}
    engine = explorer.session.engine
    row["output"], row["layers"] = engine.live.tells, len(explorer.layers)
    first = data[0] if isinstance(data, list) else None
    net, batch = oracle(first)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = maps_by_hooks(net, batch)
    row["input"] = 0.0
    if isinstance(batch, torch.Tensor):
        given = torch.from_numpy(explorer.image)
        row["input"] = float((given.reshape(batch[0].shape) - batch[0]).abs().max())
    from_hooks = from_response = 0.0
    compared = 0
    for layer in explorer.layers[:: -(-len(explorer.layers) // LAYERS)]:
        explorer.select(layer=layer.index, filter=layer.out_channels // 2)
        own = explorer.pre_activation
        moment = engine.moment(0, layer.index)
        bias = 0.0 if moment.bias is None else moment.bias[layer.out_channels // 2]
        scale = max(1.0, float(np.abs(own).max()))
        from_response = max(from_response, float(np.abs(explorer.response + bias - own).max()) / scale)
        theirs = expected.get(layer.name)
        if layer.call == 0 and theirs is not None:
            theirs = theirs[0] if theirs.ndim == own.ndim + 2 else theirs
            theirs = theirs[layer.out_channels // 2].numpy()
            if theirs.shape == own.shape:
                compared += 1
                from_hooks = max(from_hooks, float(np.abs(theirs - own).max()) / scale)
    row |= {
        "response": from_response,
        "hooks": from_hooks,
        "compared": compared,
        "prediction": len(explorer.prediction),
    }
    explorer.close()
    return row


def of_library(library):
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    rows = []
    import filterscope  # its own import is none of the model's

    filterscope.Explorer(filterscope.demo.fashion_net(), filterscope.demo.fashion_test_data()).close()
    for name, model, data, options, oracle in LIBRARIES[library]():
        try:
            rows.append(measured(name, model, data, options, oracle))
        except Exception as error:
            traceback.print_exc()
            rows.append({"net": name, "error": f"{type(error).__name__}: {error}"})
    return rows


def table(results):
    lines = [
        "# Four nets of each of ten libraries",
        "",
        "Written by `ecosystems.py` beside this page: `Explorer(model, data)` opens each, with random weights and",
        "without a network. *opens* is the processor's time, on a machine that did much other work. *input* is how far",
        "the image that the net is given is from the one that the library itself makes; *maps* how far a filter's map",
        f"is, at the worst over {LAYERS} layers, from what hooks see in the library's own net; *response* how far the",
        "response of `cv2.filter2D` plus the bias is from it. The last two are shares of the map's largest value, or",
        "of 1 if that is less.",
        "",
        "| library | net | layers | output | opens, s | input | maps | response |",
        "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    exact = quick = 0
    for library, (release, rows) in results.items():
        for row in rows:
            if "error" in row:
                lines.append(f"| {library} {release} | {row['net']} | | refused: {row['error']} | | | | |")
                continue
            exact += row["compared"] > 0 and all(row[name] < 1e-4 for name in ("input", "hooks", "response"))
            quick += row["cpu"] <= 3
            maps = f"{row['hooks']:.1e}" if row["compared"] else "none compared"
            output = row["output"] if row["output"] != "classes" or row["prediction"] else "no classes"
            lines.append(
                f"| {library} {release} | {row['net']} | {row['layers']} | {output} | {row['cpu']:.2f} "
                f"| {row['input']:.1e} | {maps} | {row['response']:.1e} |"
            )
    total = sum(len(rows) for _, rows in results.values())
    words = f"{exact} of {total} nets are shown with all three below 1e-4; {quick} open within 3 s."
    return "\n".join([*lines, "", words, ""])


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        print("ROWS " + json.dumps(of_library(sys.argv[2])))
        return
    chosen = sys.argv[1:] or list(LIBRARIES)
    results = {}
    for library in chosen:  # each in a process of its own: some change what others do
        run = subprocess.run([sys.executable, str(HERE), "--one", library], capture_output=True, text=True, check=False)
        line = next((line for line in run.stdout.splitlines() if line.startswith("ROWS ")), None)
        print(run.stderr[-4000:] if line is None or "Traceback" in run.stderr else "", file=sys.stderr)
        rows = [{"net": "all", "error": run.stderr[-300:]}] if line is None else json.loads(line[5:])
        results[library] = version(library).partition("+")[0], rows
        for row in rows:
            print(library, row)
    if not sys.argv[1:]:
        HERE.with_suffix(".md").write_text(table(results))


if __name__ == "__main__":
    main()
