// Sliders and choices for a feature row, and what the model makes of it.

import { showBars } from "./bars.js";
import { open, run } from "./models.js";
import { standardized } from "./preprocessing.js";
import { softmax } from "./sampling.js";
import { Status, milliseconds } from "./status.js";

const MOST_DIGITS = 20; // that every browser writes

/** Brings the demonstration in `root` to life. */
export function startFeatures(root) {
  const { preprocessing, labels, unit } = JSON.parse(root.querySelector("[data-use]").textContent);
  const { model } = root.dataset;
  const controls = [...root.querySelectorAll("[data-feature]")];
  const status = new Status(root);
  let busy = false;
  let again = false;

  const look = async () => {
    again = true;
    if (busy) return;
    busy = true;
    root.setAttribute("aria-busy", "true");
    try {
      await open(model, (progress) => status.progress(progress));
      status.accept();
      status.verified();
      while (again) {
        again = false;
        await predict();
      }
    } catch (error) {
      status.refuse(error);
    }
    busy = false;
    root.setAttribute("aria-busy", "false");
  };

  const predict = async () => {
    const row = rowOf(controls, preprocessing);
    const rows = unit === null ? [row] : [row, ...withoutEach(row, preprocessing)];
    const data = Float32Array.from(rows.flatMap((one) => [...standardized(one, preprocessing)]));
    const answer = await run(model, data, [rows.length, row.length]);
    const time = milliseconds(answer.milliseconds);
    if (unit === null) showBars(root, labels, softmax(answer.output), time);
    else showEstimate(root, [...answer.output], unit, time);
  };

  for (const control of controls) {
    control.disabled = false;
    control.addEventListener("input", () => {
      showValue(control);
      look();
    });
    showValue(control);
  }
  root.addEventListener("pointerenter", look, { once: true });
  root.addEventListener("focusin", look, { once: true });
}

/** A slider of a number gives the number; one of categories switches one of its features on. */
function rowOf(controls, { names, count }) {
  const row = new Array(names?.length ?? count).fill(0);
  for (const control of controls) {
    if (control.dataset.first === undefined) row[control.dataset.feature] = control.valueAsNumber;
    else for (const at of active(control)) row[at] = 1;
  }
  return row;
}

/** A choice may switch several features on: `data-actives` lists them for each of its values. */
function active(control) {
  return JSON.parse(control.dataset.actives)[Number(control.value)];
}

function showValue(control) {
  const shown = control.parentElement.querySelector("[data-shown]");
  if (!shown) return;
  const names = control.dataset.names && JSON.parse(control.dataset.names);
  shown.textContent = names
    ? names[Number(control.value)]
    : control.valueAsNumber.toLocaleString("en", { maximumFractionDigits: digitsOf(control.step) });
  control.setAttribute("aria-valuetext", shown.textContent);
}

/** The digits behind the point that the values of a slider with this step have. */
function digitsOf(step) {
  return Math.min(Math.max(0, -Math.floor(Math.log10(Number(step)) + 1e-9)), MOST_DIGITS);
}

/** The row with each feature in turn at its mean: the difference is what the feature adds. */
function withoutEach(row, { mean }) {
  return row.map((_, at) => row.map((value, place) => (place === at ? mean[at] : value)));
}

function showEstimate(root, [whole, ...others], { scale, name, digits }, note) {
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const amount = (number) => (number * scale).toLocaleString("en", places);
  root.querySelector("[data-answer]").textContent = `${amount(whole)} ${name}`;
  root.querySelector("[data-answer]").dataset.value = whole;
  root.querySelector("[data-note]").textContent = note;
  const added = others.map((other) => whole - other);
  const most = Math.max(...added.map(Math.abs), 1e-9);
  root.querySelectorAll("[data-effect]").forEach((bar, at) => {
    bar.style.transform = `scaleX(${added[at] / most})`;
    bar.classList.toggle("less", added[at] < 0);
    const sign = added[at] < 0 ? "\u2212" : "+";
    bar.closest("li").querySelector("[data-added]").textContent =
      `${sign}${amount(Math.abs(added[at]))}`;
  });
}
