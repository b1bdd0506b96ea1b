// Pictures and feature rows -> a network's input, step for step what zoo/transforms.py does with
// zoo/pictures.py and zoo/feature_rows.py.

const FAINT = 0.1; // of the strongest ink; what is fainter is not cropped to
const BLANK = 8; // of 255 grey levels; what differs less is paper
const SHEET = 0.95; // of its rectangle is opaque in a sheet, whose corners may be round

export class BlankPicture extends Error {}

/** Grey levels (height x width) that the network sees, 0 to 255, from RGBA pixels. */
export function fitted(pixels, preprocessing) {
  const [height, width] = preprocessing.size;
  const grey = greyLevels(pixels);
  if (pixels.height === height && pixels.width === width && isGrey(pixels)) return grey.levels;
  const box = preprocessing.box || Math.min(height, width);
  const field = centred(inkOf(grey), height, width, box);
  return preprocessing.background === 255 ? field.map((level) => 255 - level) : field;
}

/** Grey levels as the input of one picture, the same in every channel. */
export function normalized(levels, { scale, mean, std }) {
  const planes = mean.map((one, at) => [...levels].map((level) => (level * scale - one) / std[at]));
  return Float32Array.from(planes.flat());
}

/** A feature row less its mean and over its spread, where the record has them. */
export function standardized(row, { mean, std }) {
  return Float32Array.from(row, (value, at) => (value - (mean?.[at] ?? 0)) / (std?.[at] ?? 1));
}

function isGrey({ data }) {
  for (let at = 0; at < data.length; at += 4) {
    if (data[at] !== data[at + 1] || data[at] !== data[at + 2] || data[at + 3] < 255) return false;
  }
  return true;
}

/** Grey levels of the pixels; what is around an opaque sheet gets the sheet's own grey. */
function greyLevels({ data, width, height }) {
  const grey = new Float32Array(width * height);
  for (let at = 0; at < grey.length; at++) {
    const [red, green, blue] = data.subarray(4 * at, 4 * at + 3);
    grey[at] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
  }
  const opaque = grey.filter((_, at) => data[4 * at + 3] === 255);
  if (opaque.length === grey.length) return { levels: grey, width, height };
  if (!isSheet(data, width, height, opaque.length)) {
    return { levels: onContrastingPaper(grey, data), width, height };
  }
  const paper = median(opaque);
  const levels = grey.map((level, at) => (data[4 * at + 3] === 255 ? level : paper));
  return { levels, width, height };
}

/** Over white where what is visible is dark, over black where it is light. */
function onContrastingPaper(grey, data) {
  let visible = 0;
  let light = 0;
  for (let at = 0; at < grey.length; at++) {
    visible += data[4 * at + 3] / 255;
    light += grey[at] * (data[4 * at + 3] / 255);
  }
  const paper = visible && light / visible > 127.5 ? 0 : 255;
  return grey.map((level, at) => {
    const alpha = data[4 * at + 3] / 255;
    return level * alpha + paper * (1 - alpha);
  });
}

/** Whether what is opaque is a rectangle without holes, and more than half of the picture. */
function isSheet(data, width, height, count) {
  if (count <= (width * height) / 2) return false;
  let [top, bottom, left, right] = [height, 0, width, 0];
  let runs = 0; // in this row
  for (let at = 0; at < width * height; at++) {
    const [row, column] = [Math.floor(at / width), at % width];
    if (column === 0) runs = 0;
    if (data[4 * at + 3] < 255) continue;
    if (column === 0 || data[4 * (at - 1) + 3] < 255) runs += 1;
    if (runs > 1) return false;
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  }
  return count > SHEET * (bottom - top) * (right - left);
}

/** How far each pixel is from the border's median, towards the other end, cropped to the ink. */
function inkOf({ levels, width, height }) {
  const paper = median(border(levels, width, height));
  const sign = paper > 127.5 ? -1 : 1;
  const ink = levels.map((level) => Math.max(0, sign * (level - paper)));
  const most = ink.reduce((a, b) => Math.max(a, b), 0);
  if (most < BLANK) throw new BlankPicture("Nothing in the picture differs from its border.");
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (let at = 0; at < ink.length; at++) {
    if (ink[at] <= FAINT * most) continue;
    const [row, column] = [Math.floor(at / width), at % width];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  }
  const cropped = new Float32Array((bottom - top) * (right - left));
  for (let row = top; row < bottom; row++) {
    const line = ink.subarray(row * width + left, row * width + right);
    cropped.set(line, (row - top) * (right - left));
  }
  return { levels: cropped, width: right - left, height: bottom - top };
}

function border(levels, width, height) {
  const found = [...levels.subarray(0, width), ...levels.subarray(levels.length - width)];
  for (let row = 0; row < height; row++) {
    found.push(levels[row * width], levels[(row + 1) * width - 1]);
  }
  return found;
}

function median(numbers) {
  const sorted = Float32Array.from(numbers).sort();
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The ink with its longest side scaled to `box`; a box smaller than the field is MNIST's way:
 * full contrast, the centre of mass in the middle. */
function centred(ink, fieldHeight, fieldWidth, box) {
  const factor = box / Math.max(ink.height, ink.width);
  const height = Math.max(1, roundHalfToEven(ink.height * factor));
  const width = Math.max(1, roundHalfToEven(ink.width * factor));
  const scaled = resized(ink, width, height);
  let middle = [height / 2, width / 2];
  if (box < Math.min(fieldHeight, fieldWidth)) {
    const most = scaled.reduce((a, b) => Math.max(a, b), 0);
    scaled.forEach((level, at) => (scaled[at] = level * (255 / most)));
    middle = centreOfMass(scaled, width);
  }
  const top = within(roundHalfToEven(fieldHeight / 2 - middle[0]), fieldHeight - height);
  const left = within(roundHalfToEven(fieldWidth / 2 - middle[1]), fieldWidth - width);
  const field = new Float32Array(fieldHeight * fieldWidth);
  for (let row = 0; row < height; row++) {
    const line = scaled.subarray(row * width, (row + 1) * width);
    field.set(line, (top + row) * fieldWidth + left);
  }
  return field;
}

const within = (place, most) => Math.min(Math.max(place, 0), most);

function centreOfMass(levels, width) {
  let [mass, rows, columns] = [0, 0, 0];
  levels.forEach((level, at) => {
    mass += level;
    rows += level * Math.floor(at / width);
    columns += level * (at % width);
  });
  return [rows / mass, columns / mass];
}

/** Bilinear with a support that grows with the reduction, as Pillow resizes. */
function resized({ levels, width, height }, newWidth, newHeight) {
  const across = new Float32Array(newWidth * height);
  kernels(width, newWidth).forEach(({ first, weights }, column) => {
    for (let row = 0; row < height; row++) {
      let sum = 0;
      weights.forEach((weight, at) => (sum += weight * levels[row * width + first + at]));
      across[row * newWidth + column] = sum;
    }
  });
  const down = new Float32Array(newWidth * newHeight);
  kernels(height, newHeight).forEach(({ first, weights }, row) => {
    for (let column = 0; column < newWidth; column++) {
      let sum = 0;
      weights.forEach((weight, at) => (sum += weight * across[(first + at) * newWidth + column]));
      down[row * newWidth + column] = sum;
    }
  });
  return down;
}

function kernels(size, newSize) {
  const scale = size / newSize;
  const support = Math.max(scale, 1);
  return Array.from({ length: newSize }, (_, place) => {
    const centre = (place + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const last = Math.min(size, Math.trunc(centre + support + 0.5));
    const weights = Array.from({ length: last - first }, (_, at) =>
      Math.max(0, 1 - Math.abs((first + at - centre + 0.5) / support)),
    );
    const sum = weights.reduce((a, b) => a + b, 0);
    return { first, weights: weights.map((weight) => weight / sum) };
  });
}

function roundHalfToEven(number) {
  const floor = Math.floor(number);
  if (number - floor !== 0.5) return Math.round(number);
  return floor % 2 ? floor + 1 : floor;
}
