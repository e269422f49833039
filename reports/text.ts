/**
 * Characters that a report must never pass on as they are: C0 and C1 controls other than tab and line feed (terminal
 * escapes, invalid XML), direction controls (text that reads differently than it is), lone surrogates, non-characters.
 */
const UNSAFE = /(?![\t\n])[\p{Cc}\p{Surrogate}\p{Bidi_Control}\p{Noncharacter_Code_Point}\u2028\u2029\ufeff]/gu;

const CONTROL_PICTURES = 0x2400;
const DELETE_PICTURE = "\u2421";

/**
 * Text from a target made harmless and visible for any format: controls become their pictures (`␛`), direction
 * controls and other unsafe characters their number (`⟨U+202E⟩`). Carriage returns before a line feed go.
 */
export function visible(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(UNSAFE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x20) return String.fromCodePoint(CONTROL_PICTURES + code);
    if (code === 0x7f) return DELETE_PICTURE;
    return `⟨U+${code.toString(16).toUpperCase().padStart(4, "0")}⟩`;
  });
}

/** `visible`, on one line. */
export function oneLine(text: string): string {
  return visible(text)
    .replace(/\s*\n\s*/g, " ")
    .replaceAll("\t", " ");
}

/** At most `charactersMax` characters; what was cut shows as an ellipsis. Never splits a surrogate pair. */
export function cut(text: string, charactersMax: number): string {
  if (text.length <= charactersMax) return text;
  const characters = Array.from(text.slice(0, charactersMax * 2));
  return characters.length <= charactersMax && text.length <= charactersMax * 2
    ? text
    : `${characters.slice(0, charactersMax - 1).join("")}…`;
}

/** Safe in HTML and XML text and in quoted attributes; unsafe characters are made visible. */
export function escapeMarkup(text: string): string {
  return visible(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("'", "&#39;");
}

/** `1234567.5` as `1,234,567.5`, with `digits` decimal places. Independent of the machine's locale. */
export function formatNumber(value: number, digits: number = 0): string {
  if (!Number.isFinite(value)) return "–";
  const text = Math.abs(value).toFixed(digits);
  const [whole = "0", fraction] = text.split(".");
  const sign = value < 0 && Number(text) !== 0 ? "−" : "";
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ",")}${fraction === undefined ? "" : `.${fraction}`}`;
}

/** A rate or factor: one decimal place where there is one. */
export function formatRate(value: number): string {
  return formatNumber(value, Number.isInteger(value) ? 0 : 1);
}

/** A latency: `0.42 ms`, `12.3 ms`, `850 ms`, `1,240 ms`. */
export function formatMs(value: number): string {
  return `${formatNumber(value, value < 1 && value > 0 ? 2 : value < 100 ? 1 : 0)} ms`;
}

/** A length of time as people say it: `850 ms`, `38.2 s`, `6 min 05 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return "–";
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${formatRate(Math.round(ms / 100) / 10)} s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `512 B`, `48 MiB`, `1.4 GiB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${formatNumber(bytes)} B`;
  if (bytes < 1_024 ** 2) return `${formatNumber(bytes / 1_024)} KiB`;
  if (bytes < 1_024 ** 3) return `${formatNumber(bytes / 1_024 ** 2)} MiB`;
  return `${formatNumber(bytes / 1_024 ** 3, 1)} GiB`;
}

/** A share as a percentage with as many places as it takes not to round a loss away: `99.9998%` stays below `100%`. */
export function formatShare(share: number): string {
  if (!Number.isFinite(share)) return "–";
  if (share === 1) return "100%";
  for (let digits = 1; digits < 9; digits += 1) {
    const text = (share * 100).toFixed(digits);
    if (Number(text) !== 100) return `${text}%`;
  }
  return share < 1 ? "< 100%" : "> 100%";
}

/** `2027-03-01 14:05:09 UTC`; text that is no date comes back as it is. */
export function formatInstant(iso: string): string {
  const date = new Date(iso);
  return Number.isNaN(date.getTime()) ? iso : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
