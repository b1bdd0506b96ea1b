// Vocabularies and tokenization, rule for rule what zoo/text.py does.

export const END = "<eos>";

const PLAIN = { "\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t", "\\s": " " };

/** The tokens of a vocabulary file, a line each, in order. */
export function readVocabulary(bytes) {
  const lines = new TextDecoder("utf-8", { fatal: true }).decode(bytes).split("\n").slice(0, -1);
  return lines.map((line) => line.replace(/\\./g, (escape) => PLAIN[escape]));
}

/** A user's text as tokens; at the word level written as in WikiText, a line end as `<eos>`. */
export function tokenize(text, level) {
  if (level === "character") return [...text];
  const [first, ...others] = text.split("\n").map(words);
  return [...first, ...others.flatMap((line) => [END, ...line])];
}

/** What the tokens add to a prompt, in pieces; a piece comes when no later one can change it. */
export class Continuation {
  constructor(prompt, level) {
    this.spacing = level === "character" ? null : new Spacing();
    this.spacing?.skip(prompt);
  }

  add(token) {
    return this.spacing ? this.spacing.add(token) : token;
  }

  rest() {
    return this.spacing ? this.spacing.rest() : "";
  }
}

const STRAIGHT = { "\u2019": "'", "\u2018": "'", "\u201c": '"', "\u201d": '"' };
const INSIDE = /(?<=[\p{L}\p{N}]|>)-(?=[\p{L}\p{N}]|<)|(?<=\p{Nd})[,.](?=\p{Nd})/gu;
const WORD = "[\\p{L}\\p{N}_]";
const LETTER = "[\\p{L}\\p{Nl}\\p{No}]"; // of a word, but no digit
const TITLES = "Mrs?|Ms|Dr|Jr|Sr|St|Nos?|Lt|Col|Gen|Sgt|Rev|Op|vs|pp|Inc|Ltd|Bros|Co";
const TOKEN = new RegExp(
  [
    `<${WORD}+>`, // <unk>
    "@[-,.]@", // tokenized already
    `(?:${LETTER}\\.){2,}`, // U.S., e.g.
    `(?:[A-Z]|${TITLES})\\.(?=\\s+\\S)`,
    `'(?:s|t|re|ve|ll|m|d|S|T|RE|VE|LL|M|D)(?!${WORD})`, // of a word before
    `(?<=${WORD})'${WORD}+`, // O 'Brien
    `${WORD}+(?:\\.${WORD}+)*`, // a word, About.com
    "\\.{2,}",
    "\\S",
  ].join("|"),
  "gu",
);

function words(line) {
  const straight = line.replace(/[\u2018\u2019\u201c\u201d]/g, (quote) => STRAIGHT[quote]);
  return straight.replace(INSIDE, " @$&@ ").match(TOKEN) ?? [];
}

const INFIX = new Map([["@-@", "-"], ["@,@", ","], ["@.@", "."], ["/", "/"]]);
const SUFFIX = new Set([",", ".", ";", ":", "!", "?", ")", "]", "%", "..", "...", "\u00b0"]);
const PREFIX = new Set(["(", "[", "$", "\u00a3", "\u20ac", "\u00a5", "#"]);
const RANGE = "\u2013";
const DIGIT = /^\p{Nd}/u;
const ENDS_IN_DIGIT = /\p{Nd}$/u;

/** Decides, word by word, where the spaces of a text go. */
class Spacing {
  constructor() {
    this.space = this.before = this.waiting = "";
    this.openQuotes = new Set();
  }

  skip(text) {
    for (const token of tokenize(text, "word")) this.add(token);
    this.rest();
    if (text.endsWith(" ")) this.space = "";
  }

  add(token) {
    if (token === END) return this.endLine();
    if (token === RANGE && this.space && ENDS_IN_DIGIT.test(this.before)) {
      this.waiting = this.before = token;
      return "";
    }
    let waiting = this.rest();
    if (waiting && DIGIT.test(token)) {
      waiting = RANGE;
      this.space = "";
    }
    return waiting + this.spaced(token);
  }

  rest() {
    const waiting = this.waiting;
    this.waiting = "";
    return waiting && " " + waiting;
  }

  endLine() {
    const lineEnd = this.rest() + "\n";
    this.space = this.before = "";
    this.openQuotes.clear();
    return lineEnd;
  }

  spaced(word) {
    const closes = this.openQuotes.has(word);
    const opens = !closes && (word === '"' || (word === "'" && !this.before.endsWith("s")));
    if (closes) this.openQuotes.delete(word);
    if (opens) this.openQuotes.add(word);
    const suffix = SUFFIX.has(word) || closes || (word[0] === "'" && !opens);
    const infix = INFIX.get(word);
    const piece = (suffix || infix ? "" : this.space) + (infix ?? word);
    this.space = opens || PREFIX.has(word) || infix ? "" : " ";
    this.before = word;
    return piece;
  }
}
