import { expect, test } from "vitest";
import { Answers } from "./answers.ts";
import { createHdr } from "./hdr.ts";

function timed(answers: Answers): { readonly count: number; readonly maxMs: number } {
  const hdr = createHdr();
  hdr.merge(answers.encode());
  return { count: hdr.count, maxMs: Math.round(hdr.maxMs) };
}

test("every answer is timed once, in whatever order they come, also to many acts at a time", () => {
  const answers = new Answers(createHdr);
  answers.asked(0, 1, 10);
  answers.answered(0, 1, 11);
  for (let op = 2; op <= 200; op += 1) answers.asked(0, op, op);
  for (let op = 200; op >= 2; op -= 1) answers.answered(0, op, op + 50);
  for (const op of [1, 200, 0, -3]) answers.answered(0, op, 100_000);
  answers.answered(1, 5, 100_000);
  expect(timed(answers)).toEqual({ count: 200, maxMs: 50 });
});

test("where nothing is answered the latest acts are kept, and no more", () => {
  const answers = new Answers(createHdr);
  for (let op = 1; op <= 1000; op += 1) answers.asked(700, op, op);
  for (let op = 1; op <= 1000; op += 1) answers.answered(700, op, op + 2);
  expect(timed(answers)).toEqual({ count: 8, maxMs: 2 });
});
