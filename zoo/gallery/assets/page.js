// What a page does: demonstrations, the list of cards, buttons that copy.

const demonstrations = {
  picture: async (root) => (await import("./picture.js")).startPicture(root),
  features: async (root) => (await import("./features.js")).startFeatures(root),
  writing: async (root) => (await import("./writing.js")).startWriting(root),
};

for (const root of document.querySelectorAll("[data-demo]")) {
  demonstrations[root.dataset.demo](root);
}

const list = document.querySelector("[data-list]");
if (list) (await import("./list.js")).startList(list);

for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = !navigator.clipboard;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.closest("figure").querySelector("[data-code]").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}
