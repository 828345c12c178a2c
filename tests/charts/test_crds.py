"""The chart of the CRD, as helm renders it."""

import yaml

from seedmill.spec.crd import custom_resource_definition
from support.charts import helm
from support.requirements import ROOT


def test_helm_renders_the_crd_as_it_is_and_keeps_it() -> None:
    crd = yaml.safe_load(helm("template", "rel", ROOT / "charts" / "seedmill-crds"))
    assert crd["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
    assert crd == custom_resource_definition()


def test_helm_finds_nothing_to_complain_about() -> None:
    helm("lint", "--strict", ROOT / "charts" / "seedmill-crds")
