"""The product's images, built from images/*/Dockerfile."""

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cluster.images import build_image, product_image
from support.requirements import ROOT, require

IMAGES = ("execution", "seedmill")


@pytest.fixture(scope="module", params=IMAGES)
def image(request: pytest.FixtureRequest) -> Path:
    require("a node of Kubernetes")
    return product_image(request.param)


def config(archive: Path) -> dict[str, Any]:
    """An image's description: user, labels, digests of its layers."""
    with tarfile.open(archive) as tar:
        (manifest,) = json.loads(_read(tar, "manifest.json"))
        return json.loads(_read(tar, manifest["Config"]))


def layers(archive: Path) -> list[str]:
    """Digests of what is in its layers."""
    return config(archive)["rootfs"]["diff_ids"]


def files(archive: Path) -> set[str]:
    """Paths of all files in all layers."""
    found: set[str] = set()
    with tarfile.open(archive) as tar:
        (manifest,) = json.loads(_read(tar, "manifest.json"))
        for name in manifest["Layers"]:
            with tarfile.open(fileobj=tar.extractfile(name)) as layer:
                for path in layer.getnames():
                    folder, _, base = path.removeprefix("./").rpartition("/")
                    if base.startswith(".wh."):
                        gone = f"{folder}/{base.removeprefix('.wh.')}"
                        found = {each for each in found if each != gone and not each.startswith(f"{gone}/")}
                    else:
                        found.add(path.removeprefix("./"))
    return found


def test_it_runs_as_nobody_special_and_says_what_it_is(image: Path) -> None:
    settings = config(image)["config"]
    assert settings["User"] == "65532:65532"
    assert settings["Entrypoint"] == ["seedmill"]
    assert settings["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"


def test_the_same_files_give_the_same_layers(tmp_path: Path) -> None:
    require("a node of Kubernetes")
    again = tmp_path / "again.tar"
    build_image("execution", again, anew=True)
    assert layers(again) == layers(product_image("execution"))


def test_untrusted_programs_see_python_and_the_service_alone() -> None:
    require("a node of Kubernetes")
    found = files(product_image("execution"))
    packages = {
        path.split("/")[5] for path in found if path.startswith("opt/seedmill/lib/python") and path.count("/") > 4
    }
    assert "grpc" in packages
    assert packages.isdisjoint({"kubernetes", "kopf", "pyarrow", "xllamacpp", "pip", "setuptools"})
    assert not [path for path in found if path.startswith("usr/local/") and "/site-packages/pip" in path]
    assert not [path for path in found if path.startswith(("usr/bin/gcc", "src/", "root/.cache"))]


@pytest.mark.parametrize("name", ["seedmill", "execution", "vllm"])
def test_a_base_can_be_pinned_by_its_digest(name: str) -> None:
    lines = (ROOT / "images" / name / "Dockerfile").read_text().splitlines()
    froms = [line.split() for line in lines if line.startswith("FROM ")]
    stages = {words[3] for words in froms if len(words) > 3}
    assert {words[1] for words in froms} - stages == {"${BASE}"}


def _read(tar: tarfile.TarFile, name: str) -> bytes:
    member = tar.extractfile(name)
    assert member is not None
    return member.read()
