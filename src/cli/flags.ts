import { InvalidArgumentError } from "commander";
import type { Profile } from "../core/requirement.ts";
import { TRANSPORTS, type TransportName } from "../engines/node/transports.ts";

const PROFILES: readonly Profile[] = ["mvp", "production", "strict"];
const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const;

/** `500ms`, `30s`, `5m`, `1h` as milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const unit = match?.[2];
  if (match === null || (unit !== "ms" && unit !== "s" && unit !== "m" && unit !== "h")) {
    throw new InvalidArgumentError("a duration is written 500ms, 30s, 5m or 1h.");
  }
  return Number(match[1]) * UNIT_MS[unit];
}

/** A whole number from `min` to `max`. */
export function parseWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`a whole number from ${min} to ${max} is wanted.`);
    return value;
  };
}

/** A port; 0 for any free one. */
export function parsePort(text: string): number {
  return parseWhole(0, 65_535)(text);
}

/** A number from `min` to `max`. */
export function parseNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d*\.?\d+$/.test(text) || value < min || value > max)
      throw new InvalidArgumentError(`a number from ${min} to ${max} is wanted.`);
    return value;
  };
}

const SHARE_MIN = 0.01;

/** `5%` or `0.05` as a share, from 1 % to 100 %. */
export function parseShare(text: string): number {
  const match = /^(\d*\.?\d+)(%?)$/.exec(text);
  const value = Number(match?.[1]) / (match?.[2] === "%" ? 100 : 1);
  if (match === null || !(value >= SHARE_MIN && value <= 1))
    throw new InvalidArgumentError("a share from 1% to 100% is wanted, such as 5%.");
  return value;
}

/** One of a few words. */
export function parseWord(...words: readonly string[]): (text: string) => string {
  return (text) => {
    if (!words.includes(text)) throw new InvalidArgumentError(`one of ${words.join(", ")} is wanted.`);
    return text;
  };
}

/** The name of a profile. */
export function parseProfile(text: string): Profile {
  const profile = PROFILES.find((known) => known === text);
  if (profile === undefined) throw new InvalidArgumentError(`profiles: ${PROFILES.join(", ")}.`);
  return profile;
}

/** The name of a transport. */
export function parseTransport(text: string): TransportName {
  const transport = TRANSPORTS.find((known) => known === text);
  if (transport === undefined) throw new InvalidArgumentError(`transports: ${TRANSPORTS.join(", ")}.`);
  return transport;
}

/** Gathers a flag that may be given several times, or with commas. */
export function collect(text: string, earlier: readonly string[] | undefined): string[] {
  return [...(earlier ?? []), ...text.split(",").map((part) => part.trim())].filter((part) => part !== "");
}

/** Examples as they stand under a command's help. */
export function examples(lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ ${line}`).join("\n")}\n`;
}
