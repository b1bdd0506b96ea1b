// What a demonstration says is going on, how much has come, and refusals where nobody misses them.

/** Shows progress, milliseconds and refusals in the demonstration `root`. */
export class Status {
  constructor(root) {
    this.line = root.querySelector("[data-status]");
    this.alert = root.querySelector("[data-alert]");
    this.bar = root.querySelector("[data-progress]");
    this.loaded = new Map();
  }

  say(text) {
    this.line.textContent = text;
  }

  verified() {
    this.bar.hidden = true;
    this.say("\u2713 Every file of the models has the published sha256.");
  }

  progress({ text, name, loaded }) {
    if (text) return this.say(text);
    this.loaded.set(name, loaded);
    const sum = [...this.loaded.values()].reduce((a, b) => a + b, 0);
    this.bar.hidden = false;
    this.bar.value = Math.min(sum, this.bar.max);
    this.say(`Fetching the models: ${megabytes(this.bar.value)} of ${megabytes(this.bar.max)} MB`);
  }

  refuse(error) {
    this.bar.hidden = true;
    this.say("");
    this.alert.textContent = error.message;
    this.alert.hidden = false;
  }

  accept() {
    this.alert.hidden = true;
    this.alert.textContent = "";
  }
}

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

/** Milliseconds for people. */
export function milliseconds(number) {
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`;
}
