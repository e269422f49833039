/**
 * The statements of an SQL text, each without its `;`. Quotes, brackets and comments are minded, and a trigger's body
 * is one statement with its head. Needed since a prepared statement is one statement, and silently so.
 */
export function splitStatements(sql: string): readonly string[] {
  const statements: string[] = [];
  let from = 0;
  let at = 0;
  let words: string[] = [];
  let openCases = 0;
  /** The last word ends a trigger's body. */
  let isBodyOver = false;
  const end = (): void => {
    const text = sql.slice(from, at).trim();
    if (words.length > 0) statements.push(text);
    words = [];
    openCases = 0;
    isBodyOver = false;
  };
  while (at < sql.length) {
    const character = sql.charAt(at);
    if (character === "-" && sql.charAt(at + 1) === "-") {
      const newline = sql.indexOf("\n", at);
      at = newline === -1 ? sql.length : newline + 1;
    } else if (character === "/" && sql.charAt(at + 1) === "*") {
      const close = sql.indexOf("*/", at + 2);
      at = close === -1 ? sql.length : close + 2;
    } else if (character === "'" || character === '"' || character === "`" || character === "[") {
      at = endOfQuote(sql, at, character === "[" ? "]" : character);
      words.push("''");
    } else if (/[A-Za-z_]/.test(character)) {
      const word = (/^[A-Za-z_0-9]+/.exec(sql.slice(at, at + 64))?.[0] ?? character).toLowerCase();
      words.push(word);
      isBodyOver = word === "end" && openCases === 0;
      if (word === "case") openCases += 1;
      else if (word === "end" && openCases > 0) openCases -= 1;
      at += word.length;
    } else if (character === ";" && (!isTrigger(words) || isBodyOver)) {
      end();
      at += 1;
      from = at;
    } else {
      if (!/\s/.test(character)) words.push(character);
      at += 1;
    }
  }
  end();
  return statements;
}

function isTrigger(words: readonly string[]): boolean {
  return words[0] === "create" && (words[1] === "trigger" || ((words[1] === "temp" || words[1] === "temporary") && words[2] === "trigger"));
}

/** Behind the closing quote; a doubled quote stands for itself, but not for a bracket. */
function endOfQuote(sql: string, start: number, quote: string): number {
  for (let at = start + 1; at < sql.length; at += 1) {
    if (sql.charAt(at) !== quote) continue;
    if (quote === "]" || sql.charAt(at + 1) !== quote) return at + 1;
    at += 1;
  }
  return sql.length;
}
