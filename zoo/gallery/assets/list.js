// The cards of the index: search, filter, sort.

/** Brings the list's controls to life. */
export function startList(root) {
  const controls = root.querySelector("form");
  const list = root.querySelector("ul");
  const cards = [...list.children];
  const count = root.querySelector("[data-count]");
  const empty = root.querySelector("[data-empty]");

  const refresh = () => {
    const { search, task, data, order } = Object.fromEntries(new FormData(controls));
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const fits = (card) =>
      (!task || card.dataset.task === task) &&
      (!data || card.dataset.data === data) &&
      words.every((word) => card.textContent.toLowerCase().includes(word));
    for (const card of cards) card.hidden = !fits(card);
    list.append(...[...cards].sort(orders[order]));
    const shown = cards.filter((card) => !card.hidden).length;
    count.textContent = shown === cards.length ? `${shown} models` : `${shown} of ${cards.length}`;
    empty.hidden = shown > 0;
  };
  const orders = {
    published: (a, b) => cards.indexOf(a) - cards.indexOf(b),
    name: (a, b) => a.dataset.name.localeCompare(b.dataset.name),
    smallest: (a, b) => a.dataset.parameters - b.dataset.parameters,
    largest: (a, b) => b.dataset.parameters - a.dataset.parameters,
  };
  controls.addEventListener("input", refresh);
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  refresh();
}
