// Probabilities as bars, the likeliest marked.

const SHOWN = 3;

/** Fills the list `bars` of one model; `null` empties it. Each row has the classes in order. */
export function showBars(panel, labels, probabilities, note = "") {
  const answer = panel.querySelector("[data-answer]");
  const rows = [...panel.querySelectorAll("[data-bars] > li")];
  const sorted = [...(probabilities ?? [])].sort((a, b) => b - a);
  const best = probabilities && probabilities.indexOf(sorted[0]);
  answer.textContent = probabilities ? labels[best] : "\u2013";
  panel.querySelector("[data-note]").textContent = note;
  rows.forEach((row, at) => {
    const share = probabilities ? probabilities[at] : 0;
    row.classList.toggle("best", at === best);
    row.classList.toggle("minor", !probabilities || share < sorted[SHOWN - 1]); // not on a phone
    row.querySelector("[data-fill]").style.transform = `scaleX(${share})`;
    row.querySelector("[data-share]").textContent = probabilities ? percent(share) : "";
    row.dataset.value = share;
  });
}

const percent = (share) => `${(100 * share).toFixed(1)}\u2009%`;
