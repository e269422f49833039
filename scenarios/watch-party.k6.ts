import { binding } from "../src/bindings/playback/binding.ts";
import { k6Entry, type K6Entry } from "../src/cli/k6-entry.ts";
import { scenario } from "./watch-party.ts";

const entry: K6Entry = k6Entry(scenario, binding);

export const options: K6Entry["options"] = entry.options;
export const setup: K6Entry["setup"] = entry.setup;
export const teardown: K6Entry["teardown"] = entry.teardown;
export const handleSummary: K6Entry["handleSummary"] = entry.handleSummary;
const run: K6Entry["run"] = entry.run;
// oxlint-disable-next-line import/no-default-export -- k6 calls the default export.
export default run;
