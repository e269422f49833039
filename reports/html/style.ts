/** The page's style sheet: system fonts, one measure, two colour schemes. A text for the same reason as the script. */
export const PAGE_STYLE: string = String.raw`
:root {
  color-scheme: light dark;
  --page: #faf9f6; --surface: #ffffff; --sunk: #f2f0eb; --ink: #1c2024; --muted: #666b70; --line: #e3e0d9;
  --accent: #1f6f78; --accent-2: #c2703d; --accent-3: #6b5ca5;
  --fail: #b93a2f; --stale: #b93a2f; --inconclusive: #7455ae; --warning: #a86a12; --known: #a86a12; --pass: #2f7d54; --reported: #3a719b; --skipped: #85827b;
  --sans: "Inter", -apple-system, "SF Pro Text", "Segoe UI", "Roboto", "Ubuntu", "Cantarell", "Noto Sans", "Helvetica Neue", "Liberation Sans", "DejaVu Sans Condensed", system-ui, sans-serif;
  --mono: ui-monospace, "SF Mono", "JetBrains Mono", "Cascadia Mono", "Menlo", "Consolas", "Liberation Mono", "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #14171a; --surface: #1a1e22; --sunk: #20252a; --ink: #e6e4df; --muted: #9aa0a5; --line: #2d3338;
    --accent: #5bb5bd; --accent-2: #e09a6a; --accent-3: #a99be0;
    --fail: #ef7b70; --stale: #ef7b70; --inconclusive: #b49ae8; --warning: #dfab56; --known: #dfab56; --pass: #62bd8d; --reported: #76aed6; --skipped: #7d8388;
  }
}
*, *::before, *::after { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 16px; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.55 var(--sans); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
main, .top, footer { max-width: 1120px; margin: 0 auto; padding: 0 32px; }
h1, h2, h3, p, dl, dd, ol, figure { margin: 0; padding: 0; }
p, .statement { text-wrap: pretty; }
[hidden] { display: none !important; }
code, pre, .id { font-family: var(--mono); font-size: .88em; }
small, .small { font-size: 12.5px; color: var(--muted); font-weight: 400; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.hide { position: absolute; width: 0; height: 0; }
.scroll { overflow-x: auto; }

.top { display: flex; flex-wrap: wrap; gap: 4px 20px; align-items: center; padding-top: 28px; color: var(--muted); font-size: 13px; }
.top .brand { color: var(--ink); font-weight: 650; font-size: 15px; letter-spacing: -.005em; display: flex; gap: 9px; align-items: center; }
.top .brand svg { width: 17px; height: 17px; fill: var(--accent); }
.top time { margin-left: auto; }

.verdict { padding: 44px 0 36px; }
.verdict .target { color: var(--muted); font-size: 14px; }
.verdict .target b { color: var(--ink); font-weight: 600; }
.verdict h1 { font-size: clamp(34px, 5.4vw, 52px); line-height: 1.08; letter-spacing: -.028em; font-weight: 680; margin: 8px 0 12px; display: flex; align-items: center; gap: .3em; }
.verdict h1 .sign { width: .82em; height: .82em; }
.verdict .lead { font-size: 19px; line-height: 1.45; max-width: 44em; letter-spacing: -.006em; }
.verdict .partial { font-size: .42em; letter-spacing: 0; font-weight: 500; color: var(--muted); align-self: flex-end; margin-bottom: .3em; }

.roll { display: flex; flex-wrap: wrap; gap: 4px; margin: 30px 0 14px; padding: 0; list-style: none; }
.roll a { display: block; width: 20px; height: 20px; border-radius: 4px; background: var(--tone); opacity: .92; }
.roll a:hover { opacity: 1; box-shadow: 0 0 0 2px var(--page), 0 0 0 3.5px var(--tone); }
.roll .skipped { background: transparent; box-shadow: inset 0 0 0 1.5px var(--skipped); opacity: .55; }
.roll .known, .roll .warning { background: repeating-linear-gradient(135deg, var(--tone) 0 3px, color-mix(in srgb, var(--tone) 45%, var(--page)) 3px 6px); }
.roll .pass { background: color-mix(in srgb, var(--tone) 62%, var(--page)); }
.counts { display: flex; flex-wrap: wrap; gap: 4px 22px; font-size: 14px; color: var(--muted); }
.counts b { color: var(--ink); font-weight: 620; }
.counts .sign { width: 13px; height: 13px; margin-right: 6px; vertical-align: -1.5px; }
.counts .judged { margin-right: auto; }

.fail { --tone: var(--fail); } .stale { --tone: var(--stale); } .inconclusive { --tone: var(--inconclusive); } .warning { --tone: var(--warning); }
.known { --tone: var(--known); } .pass { --tone: var(--pass); } .reported { --tone: var(--reported); } .skipped { --tone: var(--skipped); }
.sign { width: 15px; height: 15px; flex: none; color: var(--tone); }
.standing { color: var(--tone); }

.notices { margin: 0 0 28px; padding: 14px 18px; list-style: none; border-left: 3px solid var(--inconclusive); background: color-mix(in srgb, var(--inconclusive) 8%, var(--page)); border-radius: 0 6px 6px 0; }
.notices.notes { border-color: var(--line); background: var(--sunk); color: var(--muted); font-size: 14px; }
.notices li + li { margin-top: 4px; }

section { padding: 30px 0 26px; border-top: 1px solid var(--line); }
section.verdict { border: 0; }
.heading { display: flex; gap: 16px; align-items: baseline; margin-bottom: 18px; }
.heading h2 { flex: none; }
.heading p { color: var(--muted); font-size: 14px; margin-left: auto; text-align: right; }
h2 { font-size: 21px; letter-spacing: -.014em; font-weight: 640; line-height: 1.3; }
h3 { font-size: 13px; font-weight: 620; color: var(--muted); margin: 30px 0 8px; }

.filters { display: flex; flex-wrap: wrap; gap: 10px; align-items: center; margin-bottom: 16px; }
.filters input, .filters select, .chip, .copy { font: inherit; font-size: 13.5px; color: var(--ink); background: var(--surface); border: 1px solid var(--line); border-radius: 6px; height: 34px; padding: 0 11px; }
.filters input { flex: 1 1 200px; min-width: 0; }
.filters input::placeholder { color: var(--muted); opacity: 1; }
.chips, .selects { display: flex; flex-wrap: wrap; gap: 6px; }
.chip { display: inline-flex; gap: 7px; align-items: center; cursor: pointer; padding: 0 11px 0 9px; }
.chip .sign { width: 13px; height: 13px; }
.chip:hover { border-color: var(--muted); }
.chip[aria-pressed="true"] { border-color: var(--tone); background: color-mix(in srgb, var(--tone) 13%, var(--surface)); }

.rows { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.row { scroll-margin-top: 12px; }
.row:not(:first-child) { border-top: 1px solid var(--line); }
.row > summary { display: grid; grid-template-columns: 15px 8.6em minmax(0, 1fr) auto 14px; gap: 2px 14px; align-items: start; padding: 12px 18px; cursor: pointer; list-style: none; }
.row > summary::-webkit-details-marker { display: none; }
.row > summary::after { content: ""; width: 7px; height: 7px; margin: 6px 0 0 3px; border: solid var(--muted); border-width: 0 1.5px 1.5px 0; transform: rotate(45deg); }
.row[open] > summary::after { transform: rotate(225deg); margin-top: 10px; }
.row > summary:hover { background: color-mix(in srgb, var(--sunk) 60%, transparent); }
.row > summary .sign { margin-top: 4px; }
.row .id { font-size: 13px; line-height: 23px; font-weight: 600; }
.row .statement { display: block; }
.row .statement code { font-size: .86em; background: var(--sunk); border-radius: 3px; padding: .08em .32em; }
.row .observed { display: block; color: var(--muted); font-size: 13px; margin-top: 1px; }
.row.fail .observed, .row.stale .observed { color: var(--fail); }
.tags { display: grid; grid-template-columns: 6.2em 4.2em 7.2em; gap: 0 6px; font-size: 12.5px; line-height: 23px; color: var(--muted); }
.row .body { padding: 4px 18px 22px calc(18px + 15px + 14px); display: grid; gap: 18px; grid-template-columns: minmax(0, 1fr); }
.row.fail[open], .row.stale[open] { box-shadow: inset 3px 0 0 var(--fail); }
.compare { display: grid; grid-template-columns: 1fr 1fr; gap: 14px; }
.compare > div { background: var(--sunk); border-radius: 6px; padding: 12px 16px 13px; }
.compare h3 { margin: 0 0 3px; }
.compare .seen { background: color-mix(in srgb, var(--tone) 9%, var(--surface)); }
.compare .seen h3 { color: var(--tone); }
.reason { font-weight: 500; }
.reason::before { content: "· "; }

.sequence .scroll { border: 1px solid var(--line); border-radius: 6px; padding: 12px 10px; background: var(--page); }
.sequence svg { display: block; margin: 0 auto; }
.sequence:not(.wide) svg { max-width: 100%; height: auto; }
.sequence figcaption { color: var(--muted); font-size: 12.5px; margin-top: 6px; }
.sequence text { font: 12px var(--mono); fill: var(--ink); text-anchor: middle; }
.sequence .actor { fill: var(--surface); stroke: var(--line); }
.sequence .actor.server { fill: var(--sunk); }
.sequence .name { font-weight: 600; }
.sequence .life { stroke: var(--line); stroke-width: 1.5; }
.sequence .time { text-anchor: end; fill: var(--muted); font-size: 11px; }
.sequence .label { paint-order: stroke; stroke: var(--page); stroke-width: 5px; stroke-linejoin: round; }
.sequence .label.aside { text-anchor: start; }
.sequence .step line, .sequence .step path { stroke: var(--muted); stroke-width: 1.5; fill: none; }
.sequence .step .tip { fill: var(--muted); stroke: none; }
.sequence .bad .band { fill: color-mix(in srgb, var(--fail) 9%, var(--page)); }
.sequence .bad line, .sequence .bad path { stroke: var(--fail); }
.sequence .bad .tip { fill: var(--fail); }
.sequence .bad .label, .sequence .bad .time { fill: var(--fail); font-weight: 600; }
.sequence .bad .label { stroke: color-mix(in srgb, var(--fail) 9%, var(--page)); }
.sequence .missing line { stroke-dasharray: 5 4; }
.sequence .missing .cross { stroke-width: 2.2; }

.frames summary { cursor: pointer; font-size: 13.5px; color: var(--muted); width: fit-content; }
.frames ol { list-style: none; display: grid; gap: 10px; margin-top: 10px; grid-template-columns: minmax(0, 1fr); }
.frames li p { font-size: 12.5px; color: var(--muted); }
.frames .bad p { color: var(--fail); }
pre { margin: 3px 0 0; padding: 9px 12px; background: var(--sunk); border-radius: 5px; white-space: pre-wrap; font-size: 12.5px; line-height: 1.5; max-height: 260px; overflow-y: auto; }
.facts { display: grid; gap: 5px 28px; font-size: 13.5px; }
.facts div { display: grid; grid-template-columns: 10.4em minmax(0, 1fr); gap: 14px; }
.facts dt { color: var(--muted); }
.facts.wide { grid-template-columns: repeat(auto-fit, minmax(min(100%, 380px), 1fr)); }
.command { display: flex; gap: 14px; align-items: center; background: var(--sunk); border-radius: 6px; padding: 7px 8px 7px 14px; min-height: 42px; }
.command .title { color: var(--muted); font-size: 13px; flex: none; }
.command code { flex: 1; min-width: 0; font-size: 12.5px; }
.command .copy { flex: none; height: 28px; font-size: 12.5px; cursor: pointer; }
.copy:hover { border-color: var(--muted); }
.none { color: var(--muted); padding: 22px 0 4px; }

.verdict .figures { margin-top: 34px; }
.figures { display: grid; grid-template-columns: repeat(6, auto); justify-content: space-between; gap: 20px 24px; }
.figures dt { font-size: 13px; color: var(--muted); }
.figures dd { font-size: 25px; font-weight: 620; letter-spacing: -.02em; line-height: 1.3; }
.figures .fail dd { color: var(--fail); }
.figures small { display: block; letter-spacing: 0; line-height: 1.4; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 7px 16px 7px 0; border-bottom: 1px solid var(--line); white-space: nowrap; font-weight: 400; overflow-wrap: normal; }
td, .objectives tbody th { white-space: normal; }
.objectives :is(tbody th, td) { overflow-wrap: break-word; max-width: 28em; }
.objectives td:last-child { white-space: nowrap; padding-right: 0; }
thead th { font-size: 12.5px; color: var(--muted); }
tbody th { font-weight: 550; }
tbody th small { margin-left: 10px; }
.latency :is(td, thead th:not(:first-child)) { text-align: right; padding: 7px 0 7px 18px; white-space: nowrap; }
table .standing { display: inline-flex; gap: 7px; align-items: center; }
table .sign { width: 13px; height: 13px; }
.charts { display: grid; grid-template-columns: 1fr 1fr; gap: 34px 40px; margin-top: 34px; }
.chart { min-width: 0; }
.chart:last-child:nth-child(odd) { grid-column: 1 / -1; }
.chart figcaption { font-size: 14px; font-weight: 600; margin-bottom: 10px; }
.chart small { margin-left: 6px; }
.plot { position: relative; height: 220px; }
.plot.tall { height: 320px; }
.levels :is(td:not(:last-child), thead th:not(:last-child)) { text-align: right; padding: 7px 18px 7px 0; white-space: nowrap; }
.levels td:last-child small:last-child:not(:first-of-type) { display: block; max-width: 44em; }
.chart:last-child:nth-child(odd) .plot { height: 150px; }

footer { padding-top: 22px; padding-bottom: 44px; color: var(--muted); font-size: 13px; }

@media (max-width: 860px) {
  .figures { grid-template-columns: repeat(3, 1fr); }
  .row > summary { grid-template-columns: 15px minmax(0, 1fr) 14px; }
  .row > summary .id { grid-row: 1; grid-column: 2; }
  .row > summary::after { grid-row: 1; grid-column: 3; }
  .row .what, .row .tags { grid-column: 2; }
  .tags { display: flex; gap: 12px; }
}
@media (max-width: 640px) {
  main, .top, footer { padding-left: 18px; padding-right: 18px; }
  .top { padding-top: 20px; }
  .top time { margin-left: 0; width: 100%; }
  .verdict { padding: 30px 0 26px; }
  .verdict .lead { font-size: 17px; }
  .counts { gap: 4px 16px; }
  .counts .judged { width: 100%; }
  .heading { flex-wrap: wrap; gap: 2px 16px; }
  .compare, .charts { grid-template-columns: minmax(0, 1fr); }
  .figures { grid-template-columns: 1fr 1fr; }
  .figures dd { font-size: 22px; }
  .row > summary { padding: 12px 14px; gap: 2px 10px; }
  .row .body { padding: 2px 14px 18px; }
  .facts div { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .command { flex-wrap: wrap; gap: 4px 12px; padding: 9px 12px; }
  .command .title { flex: 1; }
  .command code { flex: 1 0 100%; order: 3; }
  .filters input { flex-basis: 100%; font-size: 16px; }
  tbody th small { display: block; margin: 0; }
  th, td { padding-right: 12px; }
  .sequence .scroll { padding: 10px 6px; }
  .sequence:not(.wide) svg { width: max(100%, 540px); max-width: none; }
}
@media print {
  :root { color-scheme: light; }
  .filters, .copy { display: none !important; }
  .row, .chart { break-inside: avoid; }
}
`;
