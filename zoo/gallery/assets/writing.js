// A language model continues a text, token by token.

import { open, write } from "./models.js";
import { Status, milliseconds } from "./status.js";

/** Brings the demonstration in `root` to life. */
export function startWriting(root) {
  const form = root.querySelector("form");
  const page = root.querySelector("[data-page]");
  const button = root.querySelector("[data-write]");
  const note = root.querySelector("[data-note]");
  const status = new Status(root);
  let writing = null;

  const begin = async () => {
    const { prompt, length, temperature, topK } = Object.fromEntries(new FormData(form));
    button.textContent = "Stop";
    page.replaceChildren(marked("b", prompt), marked("span", ""));
    root.setAttribute("aria-busy", "true");
    let stopped = false; // this one, while another may have begun
    writing = {
      stop() {
        stopped = true;
        writing = null;
      },
    };
    try {
      await open(root.dataset.model, (progress) => status.progress(progress));
      status.accept();
      status.verified();
      if (!stopped) await goOn({ prompt, length, temperature, topK });
    } catch (error) {
      status.refuse(error);
    }
    if (stopped && writing) return;
    writing = null;
    root.setAttribute("aria-busy", "false");
    button.textContent = "Write";
  };

  const goOn = async ({ prompt, length, temperature, topK }) => {
    const options = {
      prompt,
      length: Number(length),
      temperature: Number(temperature),
      topK: Number(topK),
    };
    writing = write(root.dataset.model, options, ({ text, count, milliseconds: time }) => {
      page.lastElementChild.textContent += text;
      note.textContent = `${count} tokens, ${milliseconds(time)} a token`;
    });
    await writing.answer;
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (writing) writing.stop();
    else begin();
  });
  for (const slider of form.querySelectorAll("input[type=range]")) {
    const show = () => (slider.parentElement.querySelector("[data-shown]").textContent = slider.value);
    slider.addEventListener("input", show);
    show();
  }
  form.querySelectorAll("[disabled]").forEach((control) => (control.disabled = false));
}

function marked(tag, text) {
  const element = document.createElement(tag);
  element.textContent = text;
  return element;
}
