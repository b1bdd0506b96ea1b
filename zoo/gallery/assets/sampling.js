// The next token from a language model's logits, as zoo/generation.py chooses it.

/** The index of the largest; of equals the lowest. */
export function likeliest(logits) {
  let best = 0;
  for (let at = 1; at < logits.length; at++) if (logits[at] > logits[best]) best = at;
  return best;
}

/** Temperature 0 takes the likeliest token; above 0 one of the `topK` likeliest is drawn, 0 for
 * all. `uniform` is a number from 0 up to 1. Entries of -Infinity are never chosen. */
export function choose(logits, { temperature, topK }, uniform) {
  const best = likeliest(logits);
  if (temperature === 0) return best;
  const least = topK ? kthLargest(logits, topK) : -Infinity;
  const powers = Float64Array.from(logits, (logit) =>
    logit < least ? 0 : Math.exp((logit - logits[best]) / temperature),
  );
  let left = uniform * powers.reduce((a, b) => a + b, 0);
  for (let at = 0; at < powers.length; at++) {
    left -= powers[at];
    if (left < 0) return at;
  }
  return best;
}

function kthLargest(numbers, k) {
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.max(0, sorted.length - k)];
}

/** Logits -> probabilities; a single logit is that of the second of two classes. */
export function softmax(logits) {
  const all = logits.length === 1 ? [0, logits[0]] : [...logits];
  const most = Math.max(...all);
  const powers = all.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}
