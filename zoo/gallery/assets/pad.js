// A square of paper to draw on with mouse, finger, pen or keyboard.

const SIDE = 280;
const STROKE = 20;
const STEP = 7; // pixels a key press moves the pen
const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** Dispatches `drawn` on the canvas whenever there is more to see. */
export class Pad {
  constructor(canvas, pen) {
    this.canvas = canvas;
    this.pen = pen;
    this.context = canvas.getContext("2d", { willReadFrequently: true });
    this.place = [SIDE / 2, SIDE / 2];
    this.down = false;
    this.clear();
    canvas.addEventListener("pointerdown", (event) => this.begin(event));
    canvas.addEventListener("pointermove", (event) => this.follow(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, () => (this.last = null));
    }
    canvas.addEventListener("keydown", (event) => this.press(event));
    canvas.addEventListener("blur", () => this.showPen(false));
  }

  clear() {
    this.context.fillStyle = "#fff";
    this.context.fillRect(0, 0, SIDE, SIDE);
    this.last = null;
    this.isBlank = true;
  }

  pixels() {
    return this.context.getImageData(0, 0, SIDE, SIDE);
  }

  /** A picture in the middle of the paper, as large as fits. */
  show(picture) {
    this.clear();
    const scale = SIDE / Math.max(picture.width, picture.height);
    const [width, height] = [picture.width * scale, picture.height * scale];
    this.context.drawImage(picture, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
    this.isBlank = false;
  }

  begin(event) {
    if (event.button !== 0) return;
    this.showPen(false);
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.toPaper(event);
    this.line(this.last, this.last);
  }

  follow(event) {
    if (!this.last) return;
    for (const one of event.getCoalescedEvents?.() ?? [event]) {
      const next = this.toPaper(one);
      this.line(this.last, next);
      this.last = next;
    }
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) this.move(arrow);
    else if (event.key === " ") this.toggle();
    else if (event.key === "Delete" || event.key === "Backspace") this.wipe();
    else return;
    event.preventDefault();
  }

  move(arrow) {
    const next = this.place.map((at, axis) =>
      Math.min(SIDE - STROKE, Math.max(STROKE, at + STEP * arrow[axis])),
    );
    if (this.down) this.line(this.place, next);
    this.place = next;
    this.showPen(true);
  }

  toggle() {
    this.down = !this.down;
    if (this.down) this.line(this.place, this.place);
    this.showPen(true);
  }

  wipe() {
    this.clear();
    this.down = false;
    this.showPen(true);
    this.canvas.dispatchEvent(new Event("wiped"));
  }

  showPen(shown) {
    this.pen.hidden = !shown;
    this.pen.classList.toggle("down", this.down);
    this.pen.style.left = `${(100 * this.place[0]) / SIDE}%`;
    this.pen.style.top = `${(100 * this.place[1]) / SIDE}%`;
  }

  line(from, to) {
    const { context } = this;
    context.strokeStyle = "#000";
    context.lineWidth = STROKE;
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    this.isBlank = false;
    this.canvas.dispatchEvent(new Event("drawn"));
  }

  toPaper(event) {
    const place = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - place.left) * SIDE) / place.width,
      ((event.clientY - place.top) * SIDE) / place.height,
    ];
  }
}
