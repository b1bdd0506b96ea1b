// Draw, choose or bring a picture, and see what each model makes of it.

import { showBars } from "./bars.js";
import { open, run } from "./models.js";
import { Pad } from "./pad.js";
import { BlankPicture, fitted, normalized } from "./preprocessing.js";
import { softmax } from "./sampling.js";
import { Status, milliseconds } from "./status.js";

/** Brings the demonstration in `root` to life. */
export function startPicture(root) {
  const { preprocessing, labels } = JSON.parse(root.querySelector("[data-use]").textContent);
  const pad = new Pad(root.querySelector("[data-pad]"), root.querySelector("[data-pen]"));
  const panels = [...root.querySelectorAll("[data-model]")];
  const seen = root.querySelector("[data-seen]");
  const spoken = root.querySelector("[data-spoken]");
  const status = new Status(root);
  const opened = []; // panels whose models are there; the smallest come first
  let picture = null; // pixels to look at instead of the paper's
  let preparing = false;
  let busy = false;
  let again = false;

  const settle = () => root.setAttribute("aria-busy", String(preparing || busy));

  const prepare = async () => {
    if (preparing || opened.length === panels.length) return;
    preparing = true;
    settle();
    try {
      for (const panel of panels.slice(opened.length)) {
        await open(panel.dataset.model, (progress) => status.progress(progress));
        opened.push(panel);
        refresh();
      }
      status.accept();
      status.verified();
    } catch (error) {
      status.refuse(error);
    }
    preparing = false;
    settle();
  };

  const forget = () => {
    panels.forEach((panel) => showBars(panel, labels, null));
    showSeen(seen, null, preprocessing);
    spoken.textContent = "";
  };

  const clear = () => {
    pad.clear();
    root.classList.remove("drawn");
    picture = null;
    forget();
  };

  const look = () => {
    root.classList.add("drawn");
    prepare();
    return refresh();
  };

  /** One prediction at a time; what is drawn meanwhile is looked at next. */
  const refresh = async () => {
    again = true;
    if (busy) return;
    busy = true;
    settle();
    try {
      while (again) {
        again = false;
        await predict();
        if (opened.length === panels.length) {
          status.accept();
          status.verified();
        }
      }
    } catch (error) {
      if (error instanceof BlankPicture) {
        forget();
        status.say(error.message);
      } else status.refuse(error);
    }
    busy = false;
    settle();
  };

  const predict = async () => {
    if (pad.isBlank && !picture) return;
    const levels = fitted(picture ?? pad.pixels(), preprocessing);
    showSeen(seen, levels, preprocessing);
    const input = normalized(levels, preprocessing);
    const answers = [];
    for (const panel of opened) {
      const { output, milliseconds: time } = await run(
        panel.dataset.model, input, [1, preprocessing.mean.length, ...preprocessing.size],
      );
      if (pad.isBlank && !picture) return; // wiped meanwhile
      const probabilities = softmax(output);
      showBars(panel, labels, probabilities, milliseconds(time));
      answers.push(`${panel.dataset.model} says ${panel.querySelector("[data-answer]").textContent}`);
    }
    if (answers.length) spoken.textContent = `${answers.join(", ")}.`;
  };

  pad.canvas.addEventListener("drawn", () => {
    picture = null;
    look();
  });
  pad.canvas.addEventListener("wiped", clear);
  root.querySelector("[data-clear]").addEventListener("click", clear);
  root.addEventListener("pointerenter", prepare);
  root.querySelector("[data-file]").addEventListener("change", async ({ target }) => {
    if (!target.files.length) return;
    try {
      await choose(await createImageBitmap(target.files[0]));
    } catch (error) {
      status.refuse(new Error("This file is not a picture that the browser can read."));
    }
    target.value = "";
  });
  for (const sample of root.querySelectorAll("[data-sample]")) {
    const image = sample.querySelector("img");
    sample.addEventListener("click", async () => {
      try {
        await image.decode(); // it may still be on its way
      } catch {
        return status.refuse(new Error("This sample could not be fetched. Load the page again."));
      }
      await choose(await createImageBitmap(image));
    });
  }

  async function choose(bitmap) {
    pad.show(bitmap);
    picture = pixelsOf(bitmap);
    await look();
  }

  clear();
  root.querySelectorAll("[disabled]").forEach((control) => (control.disabled = false));
}

function pixelsOf(bitmap) {
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}

/** What the network gets, pixel by pixel. */
function showSeen(canvas, levels, { size: [height, width] }) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    const level = levels ? levels[at] : 0;
    image.data.set([level, level, level, 255], 4 * at);
  }
  context.putImageData(image, 0, 0);
}
