// The line of a demonstration that says what is going on, and refusals where nobody misses them.

/** Shows progress, milliseconds and refusals in the demonstration `root`. */
export class Status {
  constructor(root) {
    this.line = root.querySelector("[data-status]");
    this.alert = root.querySelector("[data-alert]");
  }

  say(text) {
    this.line.textContent = text;
  }

  verified() {
    this.say("Every file was verified by its sha256.");
  }

  progress({ text, name, loaded }) {
    this.say(text ?? `Fetching ${name}: ${(loaded / 1e6).toFixed(1)} MB`);
  }

  refuse(error) {
    this.say("");
    this.alert.textContent = error.message;
    this.alert.hidden = false;
  }

  accept() {
    this.alert.hidden = true;
    this.alert.textContent = "";
  }
}

/** Milliseconds for people. */
export function milliseconds(number) {
  return `${number < 10 ? number.toFixed(1) : Math.round(number)} ms`;
}
