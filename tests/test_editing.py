"""Every command of docs/editing.md runs as it stands, and does what the page says."""

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest
from PIL import Image, ImageChops, ImageStat

from tests.pages.blocks import Block, claim, parsed
from tests.pages.shell import programs
from tests.simulator.edited import changed, is_box, photo
from tintype_testing.gateway_process import GatewayProcess, clean_environ, running_process
from tintype_testing.manifests import STARTER, compiled, read_manifests
from tintype_testing.requirements import require

BLOCKS = claim(__name__, "docs/editing.md")
PAGE = (Path(__file__).parent.parent / "docs" / "editing.md").read_text()
SIZE = (768, 512)
REGION = (300, 150, 500, 400)
CATALOG = compiled(*read_manifests(STARTER))
MODELS = {model.id: model for model in CATALOG.models}


def sections() -> dict[str, str]:
    """Return the text below each heading."""
    without_code = re.sub(r"^```.*?^```", lambda code: "\0" * len(code[0]), PAGE, flags=re.M | re.S)
    headings = list(re.finditer(r"^##+ (.+)$", without_code, re.M))
    ends = [heading.start() for heading in headings[1:]] + [len(PAGE)]
    return {
        heading[1]: PAGE[heading.end() : end] for heading, end in zip(headings, ends, strict=True)
    }


def blocks(heading: str) -> list[Block]:
    return list(parsed("docs/editing.md", sections()[heading]))


JOBS = (
    "Replace a region",
    "Remove an object",
    "Remove the background",
    "Extend the canvas",
    "Upscale",
    "Use a style reference",
)
OTHER = "Other tasks"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    require("curl", "install it with your package manager, such as `apt-get install curl`")
    require("bash", "install it with your package manager")
    with running_process(tmp_path_factory.mktemp("gateway"), "--simulate", "--demo") as gateway:
        yield gateway


Environ = dict[str, str]


@pytest.fixture(scope="module")
def environ(gateway: GatewayProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environ]:
    """The environment of a reader who has followed the page so far."""
    with programs(tmp_path_factory.mktemp("bin")) as folder:
        yield clean_environ() | {
            "TINTYPE_BASE_URL": gateway.url,
            "TINTYPE_API_KEY": gateway.demo_key,
            "PATH": f"{folder}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        }


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, environ: Environ) -> Path:
    """A folder with the photos of the examples, and the mask of the page."""
    folder = tmp_path_factory.mktemp("files")
    photo(SIZE).save(folder / "photo.jpg", quality=95)
    Image.new("RGB", (400, 300), "red").save(folder / "style.jpg")
    (mask,) = blocks("Make a mask")
    execute([sys.executable, "-c", mask.code], folder, environ)
    return folder


@pytest.fixture
def folder(tmp_path: Path, files: Path) -> Path:
    """A folder of the test's own with these files."""
    return shutil.copytree(files, tmp_path / "folder")


def execute(command: Sequence[str], folder: Path, environ: Environ) -> None:
    ended = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def run_shell(block: Block, folder: Path, environ: Environ) -> None:
    """Run a block in a shell that has the function of the page."""
    _, function, _ = blocks("Before you start")
    program = f"{function.code}\n{block.code}"
    execute(["bash", "-euo", "pipefail", "-c", program], folder, environ)


@pytest.fixture(scope="module")
def python_folders(
    tmp_path_factory: pytest.TempPathFactory, files: Path, environ: Environ
) -> Mapping[str, Path]:
    """The Python of each job has run in a folder. One process runs all: SDKs are slow to import."""
    parent = tmp_path_factory.mktemp("python")
    folders = {job: shutil.copytree(files, parent / job) for job in JOBS}
    *_, preparation = blocks("Before you start")
    lines = [preparation.code]
    for job, folder in folders.items():
        lines += [f"os.chdir({str(folder)!r})", blocks(job)[1].code]
    execute([sys.executable, "-c", "\n".join(lines)], parent, environ)
    return folders


def before(folder: Path) -> Image.Image:
    return Image.open(folder / "photo.jpg")


def only_the_region_changed(folder: Path, image: Image.Image) -> None:
    assert is_box(changed(before(folder), image), REGION)


def the_background_is_transparent(folder: Path, image: Image.Image) -> None:
    assert image.size == SIZE
    assert image.mode == "RGBA"
    alpha = image.getchannel("A")
    assert alpha.getpixel((0, 0)) == 0
    assert alpha.getpixel((SIZE[0] // 2, SIZE[1] // 2)) == 255


def the_photo_lies_in_the_middle(folder: Path, image: Image.Image) -> None:
    assert image.size == (1024, 512)
    inner = image.crop((128, 0, 896, 512))
    assert changed(before(folder), inner).getbbox() is None


def the_photo_is_four_times_as_large(folder: Path, image: Image.Image) -> None:
    assert image.size == (4 * SIZE[0], 4 * SIZE[1])
    difference = changed_by(before(folder), image.convert("RGB").resize(SIZE))
    assert difference < 10


def the_photo_has_more_of_the_style(folder: Path, image: Image.Image) -> None:
    style = Image.open(folder / "style.jpg").resize(SIZE)
    assert image.size == SIZE
    assert changed_by(style, image) < changed_by(style, before(folder)) * 0.8


def changed_by(image: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of the colors of two images, 0 to 255."""
    difference = ImageChops.difference(image.convert("RGB"), other.convert("RGB"))
    return sum(ImageStat.Stat(difference).mean) / 3


CHECKS: dict[str, Callable[[Path, Image.Image], None]] = dict(
    zip(
        JOBS,
        (
            only_the_region_changed,
            only_the_region_changed,
            the_background_is_transparent,
            the_photo_lies_in_the_middle,
            the_photo_is_four_times_as_large,
            the_photo_has_more_of_the_style,
        ),
        strict=True,
    )
)
"""What holds of `new.png` after each block of a job that writes it."""


def test_every_block_is_below_a_heading_that_is_tested() -> None:
    tested = ("Before you start", "Make a mask", *JOBS, OTHER)

    assert {block.code for block in BLOCKS} == {
        block.code for heading in tested for block in blocks(heading)
    }


@pytest.mark.parametrize("job", JOBS)
def test_a_job_has_a_command_for_curl_for_python_and_for_tintype(job: str) -> None:
    assert [block.first_word for block in blocks(job)][:3] == ["curl", "response", "tintype"]


@pytest.mark.parametrize("job", JOBS)
def test_the_python_of_a_job_does_it(job: str, python_folders: Mapping[str, Path]) -> None:
    check(job, python_folders[job])


@pytest.mark.parametrize(
    ("job", "block"),
    [
        pytest.param(job, block, id=f"{job}, {block.first_word}")
        for job in JOBS
        for block in (blocks(job)[0], blocks(job)[2])
    ],
)
def test_a_command_does_the_job(job: str, block: Block, folder: Path, environ: Environ) -> None:
    run_shell(block, folder, environ)

    check(job, folder)


def check(job: str, folder: Path) -> None:
    with Image.open(folder / "new.png") as image:
        CHECKS[job](folder, image)


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(block, id=f"{job}, {number}")
        for job, more in [*((job, blocks(job)[3:]) for job in JOBS), (OTHER, blocks(OTHER))]
        for number, block in enumerate(more)
        if block.language == "sh"
    ],
)
def test_another_way_gives_an_image(block: Block, folder: Path, environ: Environ) -> None:
    run_shell(block, folder, environ)

    (saved,) = folder.glob("other.*")
    with Image.open(saved) as image:
        image.load()


def test_pixels_outside_the_mask_can_be_kept(folder: Path, environ: Environ) -> None:
    Image.new("RGB", (1184, 784), "red").save(folder / "other.png")
    (paste,) = [block for block in blocks("Replace a region")[3:] if block.language == "python"]

    execute([sys.executable, "-c", paste.code], folder, environ)

    check("Replace a region", folder)


@dataclass(frozen=True)
class Row:
    """A row of a table of models with their prices."""

    model: str
    price: str


def rows(heading: str) -> list[Row]:
    found = re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", sections()[heading], re.M)
    return [Row(*cells) for cells in found]


@pytest.mark.parametrize("job", [*JOBS, OTHER])
def test_a_job_lists_models_with_the_prices_of_the_starter_catalog(job: str) -> None:
    prices = {
        model.id: Decimal(binding.pricing.usd or 0)
        for model in CATALOG.models
        for binding in CATALOG.bindings
        if binding.model_ref.name == model.name
    }

    assert rows(job)
    for row in rows(job):
        assert Decimal(row.price) == prices[row.model]


@pytest.mark.parametrize("job", sorted({*JOBS, OTHER} - {"Upscale"}))
def test_the_models_of_a_job_have_the_limits_that_the_page_names(job: str) -> None:
    text = sections()["Replace a region"]
    assert "64 pixels" in text
    assert "9,437,184 pixels" in text
    assert "2.5 times" in text

    for row in rows(job):
        rule = MODELS[row.model].rules["edit"]
        found = (rule.min_edge, rule.max_pixels, str(rule.max_aspect_ratio))
        assert found == (64, 9_437_184, "2.5")


def test_the_limits_of_upscaling_are_those_of_its_models() -> None:
    fast, _, creative = (MODELS[row.model].rules["edit"] for row in rows("Upscale"))

    assert (fast.min_edge, fast.max_edge, fast.max_pixels) == (32, 1536, 1_048_576)
    assert creative.max_pixels == 1_048_576
    assert "32 to 1,536 pixels, and the photo at most 1,048,576" in sections()["Upscale"]


def test_the_page_says_which_models_take_masks() -> None:
    table = sections()["Models that edit by words"]
    said = re.findall(r"^\| `([^`]+)` \|.*\| (yes|no) \|$", table, re.M)

    assert said
    for model, takes_mask in said:
        assert (MODELS[model].rules["edit"].mask != "None") == (takes_mask == "yes")


@pytest.mark.parametrize("row", rows("Models that edit by words"), ids=lambda row: row.model)
def test_a_model_that_edits_by_words_costs_what_the_page_says(
    row: Row, gateway: GatewayProcess
) -> None:
    image = io.BytesIO()
    photo(SIZE).save(image, "png")
    fields = {"model": row.model, "prompt": "a blue front door", "size": "1024x1024"}

    for usd, quality in re.findall(r"([\d.]+)(?: \((\w+)\))?", row.price):
        response = httpx2.post(
            f"{gateway.url}/v1/images/edits/quote",
            headers={"Authorization": f"Bearer {gateway.demo_key}"},
            data=fields | ({"quality": quality} if quality else {}),
            files={"image": image.getvalue()},
            timeout=60,
        )
        expected = Decimal(response.json()["credits_expected"]) / 16_000_000
        assert abs(expected - Decimal(usd)) < Decimal("0.002")
