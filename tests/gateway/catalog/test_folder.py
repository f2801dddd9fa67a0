"""A folder of manifests, with its overlays."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tintype_gateway.catalog.folder import FolderError, ManifestFolder, read_manifests
from tintype_testing.manifests import Manifest, image_model, provider_binding

FOREIGN = "apiVersion: v1\nkind: Secret\nmetadata: {name: openai}\n"


def write(folder: Path, name: str, *documents: Manifest | str) -> Path:
    folder.mkdir(exist_ok=True)
    texts = [each if isinstance(each, str) else yaml.safe_dump(each) for each in documents]
    path = folder / name
    path.write_text("---\n".join(texts))
    return path


def patch(kind: str, name: str, **spec: Any) -> Manifest:
    return {
        "apiVersion": "tintype.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def test_every_object_of_every_file_is_read_in_the_order_of_the_names(tmp_path: Path) -> None:
    second = write(tmp_path, "b.yml", image_model("b"))
    first = write(tmp_path, "a.yaml", image_model("a"), provider_binding(model="a"))
    third = tmp_path / "c.json"
    third.write_text(json.dumps(image_model("c"), indent="\t"))
    assert read_manifests(tmp_path) == [
        (first, image_model("a")),
        (first, provider_binding(model="a")),
        (second, image_model("b")),
        (third, image_model("c")),
    ]


def test_objects_of_other_apis_are_ignored(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", FOREIGN, image_model(), "- a\n- list\n", "", "just text\n")
    write(tmp_path, "kustomization.yaml", "resources: [a.yaml]\n")
    write(tmp_path, "README.md", "# not: [yaml")
    assert [manifest for _, manifest in read_manifests(tmp_path)] == [image_model()]


def test_an_object_of_an_unknown_api_version_is_refused(tmp_path: Path) -> None:
    newer = image_model() | {"apiVersion": "tintype.dev/v9"}
    write(tmp_path, "a.yaml", newer)
    assert [manifest for _, manifest in read_manifests(tmp_path)] == [newer]


def test_a_date_stays_the_text_that_it_is(tmp_path: Path) -> None:
    text = yaml.safe_dump(image_model()) + "  lifecycle: {retiresOn: 2026-12-01}\n"
    write(tmp_path, "a.yaml", text)
    ((_, manifest),) = read_manifests(tmp_path)
    assert manifest["spec"]["lifecycle"] == {"retiresOn": "2026-12-01"}


@pytest.mark.parametrize(
    "text",
    [
        b"a: [1",
        b"a: *nowhere",
        b"\tkind: ImageModel",
        b"kind: \xff",
        b"\0",
        b"--- !python/object:os.system {}",
        b"a: !!int abc",
        b"a: !!bool abc",
        b"a: !!timestamp abc",
    ],
)
def test_a_file_that_is_not_yaml_is_named(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "broken.yaml").write_bytes(text)
    with pytest.raises(FolderError, match=r"broken\.yaml: "):
        read_manifests(tmp_path)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(FolderError, match=r"folder\.yaml: "):
        read_manifests(tmp_path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match="nowhere is not a folder"):
        read_manifests(tmp_path / "nowhere")


def test_an_overlay_changes_the_object_of_its_kind_and_name(tmp_path: Path) -> None:
    base = write(tmp_path / "base", "a.yaml", image_model(), provider_binding("canvas")).parent
    overlay = write(
        tmp_path / "overlay",
        "a.yaml",
        patch("ProviderBinding", "canvas", active=False, credentials=None),
        patch("ImageModel", "nobody", id="x"),
    ).parent
    model, binding = ManifestFolder(base, (overlay,)).read()
    assert model == image_model()
    assert binding["spec"]["active"] is False
    assert "credentials" not in binding["spec"]


def test_of_several_overlays_the_last_one_wins(tmp_path: Path) -> None:
    base = write(tmp_path / "base", "a.yaml", image_model()).parent
    overlays = [
        write(tmp_path / name, "a.yaml", patch("ImageModel", "canvas", displayName=name)).parent
        for name in ("first", "second")
    ]
    (model,) = ManifestFolder(base, tuple(overlays)).read()
    assert model["spec"]["displayName"] == "second"


def test_the_adjustment_comes_after_the_overlays(tmp_path: Path) -> None:
    base = write(tmp_path / "base", "a.yaml", image_model()).parent
    overlay = write(tmp_path / "top", "a.yaml", patch("ImageModel", "canvas", id="patched")).parent
    folder = ManifestFolder(base, (overlay,), lambda manifest: {"was": manifest["spec"]["id"]})
    assert folder.read() == [{"was": "patched"}]


def test_accounts_are_patched_and_are_no_part_of_the_catalog(tmp_path: Path) -> None:
    account = patch("Account", "acme", displayName="Acme")
    base = write(tmp_path / "base", "a.yaml", image_model(), account).parent
    overlay = write(tmp_path / "top", "a.yaml", patch("Account", "acme", suspended=True)).parent

    folder = ManifestFolder(base, (overlay,))

    assert folder.read() == [image_model()]
    (patched,) = folder.read_accounts()
    assert patched["spec"] == {"displayName": "Acme", "suspended": True}


def test_a_large_folder_is_kept_from_the_garbage_collector_step_by_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.yaml", *(image_model(f"m{number}") for number in range(250)))
    steps: list[int] = []
    monkeypatch.setattr("tintype_gateway.catalog.folder.exclude_living", lambda: steps.append(1))

    manifests = ManifestFolder(tmp_path).read()

    assert len(manifests) == 250
    assert len(steps) == 2


def test_a_folder_without_manifests_is_empty(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", FOREIGN)
    assert ManifestFolder(tmp_path).is_empty()

    write(tmp_path, "b.yaml", image_model())
    assert not ManifestFolder(tmp_path).is_empty()
