"""Every demonstration, in a real browser, predicts what Python predicts."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import io
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery_browser import (
    PHONE,
    RUNTIME,
    SEVEN,
    Open,
    Visit,
    need_browser,
    page_of,
    readers,
    records,
    served,
)
from PIL import Image

import zoo
from zoo import samples
from zoo.gallery import build_site
from zoo.text import continuation, tokenize

need_browser()
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # of Playwright's event loop

CLOSE = 1e-4
FETCHED = ("safetensors", "onnx-graph", "vocabulary")
DIGITS = records("image-classification", "mnist")
READERS = readers(DIGITS)
GARMENTS = records("image-classification", "fashion_mnist")
WRITERS = records("language-modeling")


def assert_as_in_python(found: dict[str, list[float]], names: list[str], raw: Any) -> None:
    assert set(found) == set(names)
    for name in names:
        expected = list(zoo.pipeline(name)(raw).probabilities.values())
        np.testing.assert_allclose(found[name], expected, atol=CLOSE)


def paper(visit: Visit) -> Image.Image:
    """What is drawn, as a picture."""
    address = visit.page.evaluate("() => document.querySelector('[data-pad]').toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2])))


@pytest.mark.skipif(not DIGITS, reason="no weights of mnist are published")
def test_whoever_draws_a_seven_sees_every_model_say_so(open_gallery: Open) -> None:
    visit = open_gallery("index.html")
    visit.draw(SEVEN)
    visit.settled()
    assert visit.answers() == ["7"] * len(READERS)
    assert_as_in_python(visit.probabilities(), READERS, paper(visit))
    times = visit.page.locator(".demo [data-note]").all_inner_texts()
    assert all(time.endswith(" ms") for time in times)
    spoken = visit.page.locator("[role=status][data-spoken]").inner_text()
    assert all(f"{name} says 7" in spoken for name in READERS)
    fetched = {url.removeprefix(visit.home) for url in visit.requests if "/weights/" in url}
    files = [zoo.get_weights(name).artifacts.values() for name in READERS]
    names = {f"weights/{one.file}" for own in files for one in own if one.kind in FETCHED}
    assert fetched == {"weights/weights_manifest.json", *names}


@pytest.mark.skipif(not DIGITS, reason="no weights of mnist are published")
def test_the_keyboard_draws_too(open_gallery: Open) -> None:
    visit = open_gallery(page_of(DIGITS[0]), viewport=PHONE)
    visit.page.focus("[data-pad]")
    for key, presses in (("ArrowUp", 10), (" ", 1), ("ArrowDown", 20)):
        for _ in range(presses):
            visit.page.keyboard.press(key)
    visit.settled()
    assert_as_in_python(visit.probabilities(), DIGITS, paper(visit))
    visit.page.keyboard.press("Delete")
    assert visit.answers() == ["\u2013"] * len(DIGITS)


@pytest.mark.skipif(not DIGITS, reason="no weights of mnist are published")
def test_a_sample_can_be_chosen_before_its_picture_is_there(browser: Any, web: Path) -> None:
    with served(web) as address, browser.new_context() as context:
        visit = Visit(context.new_page(), f"{address}people/zoo/")
        held: list[Any] = []
        context.route("**/samples/digit_7.png", lambda route: held.append(route))
        visit.page.goto(visit.home + "index.html", wait_until="commit")
        visit.page.locator("[data-sample] [src$='digit_7.png']").click()
        assert visit.answers() == ["\u2013"] * len(READERS)
        held[0].continue_()
        visit.settled()
        assert visit.answers() == ["7"] * len(READERS)
        assert visit.complaints == []


@pytest.mark.skipif(not DIGITS, reason="no weights of mnist are published")
def test_a_finger_draws_too_and_does_not_scroll_the_page(open_gallery: Open) -> None:
    visit = open_gallery("index.html", viewport=PHONE, has_touch=True, is_mobile=True)
    visit.touch(SEVEN)
    visit.settled()
    assert visit.answers() == ["7"] * len(READERS)
    assert_as_in_python(visit.probabilities(), READERS, paper(visit))
    assert visit.page.evaluate("scrollY") == 0
    first, last = visit.page.locator(
        ".answers > :is(:first-child, :last-child) [data-answer]"
    ).all()
    bottom = last.bounding_box()["y"] + last.bounding_box()["height"]
    assert bottom < PHONE["height"], "the answers are seen while one draws"
    assert first.bounding_box()["y"] == last.bounding_box()["y"]


def pictures() -> dict[str, Image.Image]:
    """Pictures of every sort that preprocessing tells apart."""
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (61, 83), np.uint8)
    noise[:3] = noise[-3:] = noise[:, 0] = noise[:, -1] = 250
    ink = np.zeros((90, 50, 4), np.uint8)
    ink[20:70, 22:31] = (30, 60, 90, 255)
    ink[20:29, 10:31] = (30, 60, 90, 128)
    return {
        "grey as it is": Image.fromarray(generator.integers(0, 256, (28, 28), np.uint8)),
        "grey of another size": Image.fromarray(noise),
        "light on dark": Image.fromarray(255 - noise).convert("RGB"),
        "transparent": Image.fromarray(ink),
    }


@pytest.mark.skipif(not DIGITS, reason="no weights of mnist are published")
def test_pictures_are_prepared_as_in_python(open_gallery: Open, tmp_path: Path) -> None:
    visit = open_gallery(page_of(DIGITS[-1]))
    for name, picture in pictures().items():
        path = tmp_path / f"{name}.png"
        picture.save(path)
        visit.page.click("[data-clear]")
        visit.page.set_input_files("[data-file]", path)
        visit.settled()
        assert_as_in_python(visit.probabilities(), DIGITS, path)


@pytest.mark.skipif(not GARMENTS, reason="no weights of fashion_mnist are published")
def test_garments_are_named_as_in_python(open_gallery: Open, tmp_path: Path) -> None:
    visit = open_gallery(page_of(GARMENTS[0]))
    for place, path in enumerate(samples.garments()):
        visit.page.click("[data-clear]")
        visit.page.locator("[data-sample]").nth(place).click()
        visit.settled()
        assert_as_in_python(visit.probabilities(), GARMENTS, path)
    for name, picture in pictures().items():
        upload = tmp_path / f"{name}.png"
        picture.save(upload)
        visit.page.click("[data-clear]")
        visit.page.set_input_files("[data-file]", upload)
        visit.settled()
        assert_as_in_python(visit.probabilities(), GARMENTS, upload)
    note = tmp_path / "note.png"
    note.write_text("no picture")
    visit.page.set_input_files("[data-file]", note)
    assert "not a picture" in visit.refusal()


@pytest.mark.skipif(not DIGITS, reason="no weights of mnist are published")
def test_a_blank_picture_leaves_no_answer(open_gallery: Open, tmp_path: Path) -> None:
    visit = open_gallery(page_of(DIGITS[-1]))
    visit.page.locator("[data-sample]").first.click()
    visit.settled()
    blank = tmp_path / "blank.png"
    Image.new("L", (90, 90), 255).save(blank)
    visit.page.set_input_files("[data-file]", blank)
    status = visit.page.locator("[data-status]")
    visit.page.wait_for_function(
        "line => line.textContent.startsWith('Nothing in the picture')",
        arg=status.element_handle(),
    )
    assert set(visit.answers()) == {"\u2013"}
    visit.page.locator("[data-sample]").first.click()
    visit.settled()
    assert "published sha256" in status.inner_text()


def test_a_house_is_estimated_as_in_python(open_gallery: Open) -> None:
    name = "linear_regression.california_housing"
    visit = open_gallery(page_of(name))
    row = [-122.2, 37.8, 41, 880, 120, 320, 120, 8.3]
    for slider, value in zip(visit.page.locator("[data-feature]").all(), row, strict=True):
        slider.fill(str(value))
    visit.settled()
    chosen = [float(one.input_value()) for one in visit.page.locator("[data-feature]").all()]
    value = visit.page.locator("[data-answer]").get_attribute("data-value")
    assert float(value) == pytest.approx(zoo.pipeline(name)(chosen).value, abs=CLOSE)
    assert visit.answers() == [f"{float(value) * 100_000:,.0f} dollars"]
    shown = visit.page.locator("[data-feature]").evaluate_all(
        "all => all.map((one) => one.getAttribute('aria-valuetext'))"
    )
    assert shown == [f"{one:,g}" for one in chosen]


@pytest.mark.parametrize(("label", "unit"), [("metres", 1), ("0.5 dollars", 0.5)])
def test_small_figures_have_the_digits_of_python(
    browser: Any, tmp_path: Path, label: str, unit: float
) -> None:
    houses = zoo.get_weights("linear_regression.california_housing")
    std = [one / 1000 for one in houses.preprocessing["std"]]
    use = {**houses.preprocessing, "std": std}
    changed = dataclasses.replace(houses, labels=(label,), preprocessing=use)
    build_site(tmp_path / "site", runtime=RUNTIME, records={changed.name: changed})
    with served(tmp_path / "site") as address, browser.new_context() as context:
        visit = Visit(context.new_page(), address)
        visit.go(page_of(changed.name))
        slider = visit.page.locator("[data-feature]").first
        slider.fill("-119.5484")
        visit.settled()
        assert slider.get_attribute("aria-valuetext") == "-119.5484"
        answer = visit.page.locator("[data-answer]")
        value = float(answer.get_attribute("data-value"))
        digits = 3 if unit == 1 else 4
        assert answer.inner_text() == f"{value * unit:,.{digits}f} {label.split()[-1]}"
        added = visit.page.locator("[data-added]").all_inner_texts()
        assert all(re.fullmatch(rf"[\u2212+][\d,]+\.\d{{{digits}}}", one) for one in added)


def test_a_census_record_is_judged_as_in_python(open_gallery: Open) -> None:
    name = "logistic_regression.adult"
    visit = open_gallery(page_of(name))
    for field, value in (("education", "doctorate"), ("occupation", "executive or managerial")):
        visit.page.get_by_role("combobox", name=field, exact=True).select_option(value)
    for field in ("age", "hours a week"):
        visit.page.get_by_role("slider", name=field, exact=True).fill("4")
    visit.settled()
    active = {5: "age", 6: "private", 16: "weight", 32: "doctorate", 39: "years", 42: "single"}
    active |= {51: "executive", 64: "no family", 67: "white", 72: "female"}
    active |= {74: "no gain", 76: "no loss", 82: "hours", 83: "here"}
    assert_as_in_python(visit.probabilities(), [name], list(active))


@pytest.mark.parametrize("name", WRITERS)
def test_greedy_text_is_identical(open_gallery: Open, name: str) -> None:
    prompt = "The king , who was well-known , said that"
    visit = open_gallery(page_of(name))
    visit.page.fill("[name=prompt]", prompt)
    for slider, value in (("temperature", "0"), ("length", "50")):
        visit.page.fill(f"[name={slider}]", value)
    visit.page.click("[data-write]")
    visit.page.wait_for_selector(".demo[aria-busy=false]")
    written = visit.page.locator("[data-page]").text_content()
    assert written == zoo.pipeline(name)(prompt, length=50).text
    assert visit.page.locator("[data-note]").inner_text().startswith("50 tokens, ")


@pytest.mark.parametrize("name", WRITERS[:1])
def test_writing_can_be_stopped_and_begun_again(open_gallery: Open, name: str) -> None:
    visit = open_gallery(page_of(name))
    slider = visit.page.locator("[name=length]")
    slider.fill(slider.get_attribute("max"))
    visit.page.click("[data-write]")
    visit.page.wait_for_function("() => document.querySelector('[data-page] span')?.textContent")
    visit.page.click("[data-write]")
    visit.page.wait_for_selector(".demo[aria-busy=false]")
    count = int(visit.page.locator("[data-note]").inner_text().partition(" ")[0])
    assert 0 < count < int(slider.get_attribute("max"))
    slider.fill(slider.get_attribute("min"))
    visit.page.click("[data-write]")
    visit.page.wait_for_selector(".demo[aria-busy=false]")
    note = visit.page.locator("[data-note]").inner_text()
    assert note.startswith(f"{slider.get_attribute('min')} tokens")


@pytest.mark.parametrize("name", WRITERS[:1])
def test_stopped_and_begun_again_before_the_model_is_there(open_gallery: Open, name: str) -> None:
    prompt = "The king said that"
    visit = open_gallery(page_of(name))
    held: list[Any] = []
    visit.page.context.route("**/*.safetensors", lambda route: held.append(route))
    visit.page.fill("[name=prompt]", prompt)
    for slider, value in (("temperature", "0"), ("length", "40")):
        visit.page.fill(f"[name={slider}]", value)
    with visit.page.expect_request("**/*.safetensors"):
        visit.page.click("[data-write]")
    visit.page.click("[data-write]")
    visit.page.click("[data-write]")
    for route in held:
        route.continue_()
    visit.page.wait_for_selector(".demo[aria-busy=false]")
    written = visit.page.locator("[data-page]").text_content()
    assert written == zoo.pipeline(name)(prompt, length=40).text


TEXTS = (
    "Don't pay 1,000.50 for a well-known one; the U.S. player\u2019s \u201cbest\u201d "
    "(c. 1990 \u2013 95)",
    "Mr. Smith / Dr. No @-@ 3 , 4 <unk> \u00e9t\u00e9 na\u00efve O'Brien ... $ 5 # 6 50% 20\u00b0",
    "One line .\nThe next one: J. S. Bach vs. No. 5, at 3.14 .. or 10,000-odd",
    "'quoted' players' `code` \u0662\u0663 \u4e2d\u6587 a_b x.y.z \u00bd \U0001f600 ! ? [ a ]",
    '" b " said " c ( d ) 1990 \u2013 95 and 10 \u2013 many',
    "",
)


def test_words_are_cut_and_joined_as_in_python(open_gallery: Open) -> None:
    visit = open_gallery("index.html")
    module = f"{visit.home}assets/text.js"
    cut = """async ([module, texts]) => {
        const { tokenize } = await import(module);
        return texts.map((text) => tokenize(text, "word"));
    }"""
    tokens = visit.page.evaluate(cut, [module, TEXTS])
    assert tokens == [tokenize(text, "word") for text in TEXTS]
    join = """async ([module, prompt, tokens]) => {
        const continuation = new (await import(module)).Continuation(prompt, "word");
        return tokens.map((token) => continuation.add(token)).join("") + continuation.rest();
    }"""
    for words in tokens:
        joined = visit.page.evaluate(join, [module, 'He said , "', words])
        assert joined == "".join(continuation('He said , "', words, "word"))


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


@pytest.mark.parametrize("tamper", [flipped, lambda content: content[:-1]], ids=["bit", "cut"])
@pytest.mark.parametrize("kind", ["safetensors", "onnx-graph"])
def test_tampered_files_are_refused(
    browser: Any, web: Path, tmp_path: Path, kind: str, tamper: Callable[[bytes], bytes]
) -> None:
    site = tmp_path / "site"
    shutil.copytree(web / "people" / "zoo", site)
    artifact = zoo.get_weights(READERS[0]).artifact(kind)
    file = site / "weights" / artifact.file
    file.write_bytes(tamper(file.read_bytes()))
    with served(site) as address, browser.new_context() as context:
        visit = Visit(context.new_page(), address)
        visit.go("index.html")
        visit.draw(SEVEN)
        refusal = visit.refusal()
        assert refusal.startswith(f"Refused: {file.name} is not the published file.")
        assert artifact.sha256 in refusal
        assert visit.answers() == ["\u2013"] * len(READERS)


def test_it_goes_on_when_the_network_is_cut(open_gallery: Open) -> None:
    visit = open_gallery(page_of(DIGITS[0]))
    visit.draw(SEVEN)
    visit.settled()
    visit.page.context.set_offline(True)
    visit.page.click("[data-clear]")
    visit.draw([(140, 50), (140, 230)])
    visit.settled()
    assert_as_in_python(visit.probabilities(), DIGITS, paper(visit))


def test_the_runtime_is_unzipped_unless_the_host_has_done_it(open_gallery: Open) -> None:
    visit = open_gallery("index.html")
    unzip = """async ([module, bytes]) => {
        const { unzipped } = await import(module);
        return [...(await unzipped(Uint8Array.from(bytes)))];
    }"""
    module, content = f"{visit.home}assets/verification.js", b"\0asm" + bytes(range(200))
    for sent in (gzip.compress(content), content):
        assert visit.page.evaluate(unzip, [module, list(sent)]) == list(content)


@pytest.mark.skipif(len(READERS) < 2, reason="fewer than two weights of mnist are published")
def test_a_model_answers_while_the_next_is_on_its_way(browser: Any, web: Path) -> None:
    smallest, *_, largest = sorted(READERS, key=lambda name: zoo.get_weights(name).parameters)
    with served(web) as address, browser.new_context() as context:
        visit = Visit(context.new_page(), f"{address}people/zoo/")
        held: list[Any] = []
        file = zoo.get_weights(largest).artifact("safetensors").file
        context.route(f"**/{file}", lambda route: held.append(route))
        visit.go("index.html")
        visit.draw(SEVEN)
        panel = '[data-model="{}"] [data-answer]'.format
        visit.page.wait_for_function(
            "answer => answer.textContent === '7'",
            arg=visit.page.locator(panel(smallest)).element_handle(),
        )
        assert visit.page.locator(panel(largest)).inner_text() == "\u2013"
        for _ in range(600):  # the models come one after the other
            if not held:
                visit.page.wait_for_timeout(50)
        status = r"""() => /^Fetching the models: [\d.]+ of [\d.]+ MB$/.test(
            document.querySelector("[data-status]").textContent)"""
        visit.page.wait_for_function(status)
        held[0].continue_()
        visit.settled()
        assert visit.answers() == ["7"] * len(READERS)
        assert visit.complaints == []
