"""One line for a library's own object: the net inside, how it is called, its preprocessing, and what its output is."""

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import transforms

from filterscope import Explorer, NetError, diagnose, scan
from libraries import (
    YOLO,
    Classifier,
    DataModule,
    DetectionNet,
    EEGNet,
    FastaiLoader,
    FastaiLoaders,
    HuggingFaceForImageClassification,
    HuggingFaceForObjectDetection,
    HuggingFaceModel,
    ImageProcessor,
    Learner,
    NeuralNet,
    Pipeline,
    SegmentationNet,
    Signals,
    TimmNet,
    UNet,
    WithForward,
    WithoutForward,
)

RANDOM = np.random.default_rng(0)
PICTURES = [Image.fromarray(RANDOM.integers(0, 256, (40, 60, 3), np.uint8)) for _ in range(3)]


def tells(explorer):
    return explorer.session.engine.live.tells


def first_map(explorer, net, batch):
    """The first layer's pre-activation against torch's own."""
    expected = net(batch)[0, 2].detach().numpy()
    np.testing.assert_allclose(explorer.select(layer=0, filter=2).pre_activation, expected, atol=1e-5)


def test_timm_prepares_pictures_as_its_configuration_says_and_undoes_it_for_display():
    net = TimmNet(label_names=["a", "b", "c", "d"])
    explorer = Explorer(net, PICTURES)
    own = transforms.Compose(
        [
            transforms.Resize(40, transforms.InterpolationMode.BICUBIC),
            transforms.CenterCrop(32),
            transforms.ToTensor(),
            transforms.Normalize((0.5, 0.4, 0.3), (0.2, 0.25, 0.3)),
        ]
    )(PICTURES[0])
    np.testing.assert_allclose(explorer.image, own, atol=1e-6)
    undone = own * torch.tensor([0.2, 0.25, 0.3])[:, None, None] + torch.tensor([0.5, 0.4, 0.3])[:, None, None]
    np.testing.assert_allclose(explorer.display, undone.permute(1, 2, 0), atol=1e-5)
    assert explorer.prediction[0][0] in "abcd"
    assert "timm's own preprocessing" in explorer.session.engine.sample(0).note


def test_what_is_prepared_already_is_given_to_the_net_as_it_is():
    tensors = torch.randn(3, 3, 20, 24)
    explorer = Explorer(TimmNet(), tensors)
    np.testing.assert_array_equal(explorer.image, tensors[0])
    assert "preprocessing" not in explorer.session.engine.sample(0).note


def test_a_transform_of_the_users_counts_before_the_librarys():
    explorer = Explorer(TimmNet(), PICTURES, transform=transforms.ToTensor())
    assert explorer.image.shape == (3, 40, 60)


@pytest.mark.parametrize("net", [TimmNet(classes=0), HuggingFaceModel()])
def test_features_are_no_classes(net):
    explorer = Explorer(net, torch.rand(3, 3, 20, 24))
    assert tells(explorer) == "embedding"
    assert explorer.prediction == []
    found = scan(net, torch.rand(3, 3, 20, 24), progress=False)
    assert (found.state.predicted == -1).all()


def test_yolo_itself_is_shown_by_its_net_with_letterbox_names_and_boxes():
    yolo = YOLO()
    explorer = Explorer(yolo, PICTURES)
    assert explorer.image.shape == (
        3,
        48,
        64,
    )  # 40 × 60 fits into 64 × 64 as 43 × 64, and 48 is the least multiple of 16
    assert explorer.layers[0].module is yolo.model.model[0]
    gray = explorer.image[:, :2]
    np.testing.assert_allclose(gray, 114 / 255, atol=1e-6)
    assert [name for name, _ in explorer.prediction] == ["person", "bus"]
    np.testing.assert_allclose([score for _, score in explorer.prediction], [0.9, 0.7], atol=1e-6)
    answer = explorer.session.engine.answer(0)
    np.testing.assert_allclose(answer.boxes, [[6, 6, 14, 14], [35, 27, 45, 33]])
    first_map(explorer, yolo.model.model[0], torch.from_numpy(explorer.image)[None])


def test_a_yolo_that_torch_does_not_run_is_refused():
    with pytest.raises(NetError, match="torch weights"):
        Explorer(YOLO(model="yolo11n.onnx"), PICTURES)


def test_the_net_inside_of_yolo_is_known_as_well():
    assert tells(Explorer(DetectionNet(), PICTURES)) == "boxes"


def test_segmentation_models_are_padded_and_give_a_class_a_pixel():
    net = SegmentationNet(weights="imagenet")
    explorer = Explorer(net, [(PICTURES[0], np.ones((40, 60), np.int64))], classes=["sky", "road", "tree"])
    assert explorer.image.shape == (3, 64, 64)
    names, shares = zip(*explorer.prediction, strict=True)
    expected = np.bincount(net(torch.from_numpy(explorer.image)[None]).argmax(1).flatten(), minlength=3) / 64**2
    for name, share in zip(names, shares, strict=True):
        assert share == pytest.approx(expected[["sky", "road", "tree"].index(name)])
    target = explorer.session.engine.sample(0).target  # the padding belongs to no class
    assert target.shape == (64, 64)
    assert (target[:40, :60] == 1).all() and (target[40:] == 255).all() and (target[:, 60:] == 255).all()


@pytest.mark.parametrize("axes", [2, 3])
def test_monai_takes_images_and_volumes(axes):
    size = (16,) * axes
    data = [{"image": torch.rand(1, *size), "label": torch.randint(0, 2, (1, *size))} for _ in range(3)]
    explorer = Explorer(UNet(axes), data)
    assert tells(explorer) == "masks"
    assert sum(share for _, share in explorer.prediction) == pytest.approx(1)
    assert explorer.session.engine.answer(0).shape == size


@pytest.mark.parametrize("given", ["pipeline", "transform"])
def test_hugging_face_models_with_their_image_processor(given):
    net, processor = HuggingFaceForImageClassification(), ImageProcessor()
    if given == "pipeline":
        explorer = Explorer(Pipeline(net, processor), PICTURES)
    else:
        explorer = Explorer(net, PICTURES, transform=processor)
    own = processor(PICTURES[0])["pixel_values"][0]
    np.testing.assert_allclose(explorer.image, own, atol=1e-5)
    assert explorer.display.min() >= 0 and "Normalize undone" in explorer.session.engine.sample(0).note
    assert {name for name, _ in explorer.prediction} == {"cat", "dog", "owl"}
    first_map(explorer, net.net.body[0], own[None])


def test_names_that_only_count_are_no_names():
    net = HuggingFaceForImageClassification(["LABEL_0", "LABEL_1"])
    assert {name for name, _ in Explorer(net, torch.rand(2, 3, 16, 16)).prediction} == {0, 1}


def test_the_objects_of_queries_are_boxes_in_pixels():
    explorer = Explorer(HuggingFaceForObjectDetection(), torch.rand(2, 3, 40, 80))
    assert [name for name, _ in explorer.prediction] == ["cat"]
    np.testing.assert_allclose(explorer.session.engine.answer(0).boxes, [[20, 15, 60, 25]])


@pytest.mark.parametrize("net", [EEGNet(), Signals()])
def test_braindecode_is_given_recordings(net):
    data = [(RANDOM.normal(size=(8, 40)).astype(np.float32), i % 3, [i, 0, 40]) for i in range(4)]
    explorer = Explorer(net, data)
    assert len(explorer.prediction) == 3
    recording = torch.from_numpy(data[0][0])[None]
    scores = torch.softmax(net(recording)[0], 0).detach()
    assert dict(explorer.prediction)[0] == pytest.approx(float(scores[0]), abs=1e-6)
    assert diagnose(net, data, images=4, ablation=False, progress=False).notes == ()  # several go in one pass


def test_a_learner_is_shown_with_its_validation_items():
    loader = FastaiLoader(PICTURES, [0, 1, 0], ["ant", "bee"])
    learner = Learner(Classifier(2), FastaiLoaders(loader))
    for data in (learner.dls, learner.dls.valid):
        explorer = Explorer(learner, data, image_index=1)
        assert explorer.label == "bee" and {name for name, _ in explorer.prediction} == {"ant", "bee"}
        np.testing.assert_allclose(
            explorer.image, (np.array(PICTURES[1]).transpose(2, 0, 1) / 255 - 0.5) / 0.25, atol=1e-5
        )
        np.testing.assert_allclose(explorer.display, np.array(PICTURES[1]) / 255, atol=1e-5)
        assert explorer.layers[0].module is learner.model.body[0]


@pytest.mark.parametrize("wrapper", [WithForward, WithoutForward])
def test_a_lightning_module_is_shown_with_its_datamodule(wrapper):
    items = [(torch.rand(3, 20, 20), i % 4) for i in range(4)]
    data = DataModule(items)
    explorer = Explorer(wrapper(TimmNet()), data)
    np.testing.assert_array_equal(explorer.image, items[0][0])
    assert data.stages == ["test"] and len(explorer.prediction) == 4
    assert Explorer(wrapper(TimmNet()), DataModule(None, items)).label == 0


def test_a_datamodule_without_data_says_so():
    with pytest.raises(TypeError, match="no test, validation or prediction data"):
        Explorer(WithForward(Classifier()), DataModule())


def test_a_skorch_net_is_shown_once_it_has_a_module():
    net = NeuralNet(Classifier)
    images, labels = RANDOM.normal(size=(5, 3, 16, 16)).astype(np.float32), np.arange(5) % 4
    with pytest.raises(NetError, match="initialize"):
        Explorer(net, (images, labels))
    explorer = Explorer(net.initialize(), (images, labels))
    assert explorer.layers[0].module is net.module_.body[0]
    assert {name for name, _ in explorer.prediction} == {"low", "mid", "high", "top"}


def test_libraries_in_libraries_are_opened():
    class OfTimm(NeuralNet):
        pass

    net = OfTimm(lambda: TimmNet(label_names=["a", "b", "c", "d"])).initialize()
    explorer = Explorer(net, PICTURES)
    assert explorer.image.shape == (3, 32, 32)
    assert {name for name, _ in explorer.prediction} == {"low", "mid", "high", "top"}  # what lies outside counts


def test_no_net_is_changed_by_being_adapted():
    for net in (TimmNet(), YOLO(), HuggingFaceForImageClassification(), EEGNet()):
        before, mode = {name: value.clone() for name, value in net.state_dict().items()}, net.training
        attributes = {name: id(value) for name, value in vars(net).items()}
        Explorer(net, [(RANDOM.normal(size=(8, 40)).astype(np.float32), 0)] if isinstance(net, EEGNet) else PICTURES)
        assert net.training is mode and {name: id(value) for name, value in vars(net).items()} == attributes
        assert all(torch.equal(value, net.state_dict()[name]) for name, value in before.items())
