// The page's own words, in its language: a JSON block of the template.
const told = JSON.parse(document.getElementById("viewer-words")?.textContent ?? "{}");

export function say(key, values = {}) {
  const text = told[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
}

export function sayKind(kind) { return told[`kind ${kind}`] ?? kind; }

export function sayView(frame) { return told[`view ${frame.view_code}`] ?? frame.view ?? ""; }

const language = document.documentElement.lang || undefined;

export function number(value, digits = 0) {
  return value.toLocaleString(language, { maximumFractionDigits: digits, useGrouping: Math.abs(value) >= 10000 });
}

// The same, with digits enough of what is less than one.
export function fine(value, digits = 3) {
  if (value === 0 || Math.abs(value) >= 1) return number(value, digits);
  return value.toLocaleString(language, { maximumSignificantDigits: 4 });
}
