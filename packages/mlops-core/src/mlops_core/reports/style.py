"""The page's style sheet: system fonts, two colours that differ in every kind of sight, light, dark and paper."""

from __future__ import annotations

from typing import Final

# No character of markup may occur here: the sheet stands in the page as it is, and its hash in the page's policy.
STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #fbfaf7; --ink: #1d1f23; --soft: #5a6069; --rule: #dad7cf; --fill: #e4e1d9;
  --seen: #1b5e8c; --seen-wash: #d9e6ee; --out: #ac4317; --out-wash: #f5e6dd;
  --serif: "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", Georgia, serif;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --ink: #e9e6e0; --soft: #a5aab2; --rule: #363a40; --fill: #2b2f35;
    --seen: #86bbe0; --seen-wash: #1e3241; --out: #f0986f; --out-wash: #3a251b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 1rem/1.55 var(--sans); overflow-wrap: break-word; -webkit-text-size-adjust: 100%;
}
main { max-width: 72rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
article + article { margin-top: 5rem; padding-top: 3rem; border-top: 3px solid var(--ink); }
p { margin: 0 0 .75rem; max-width: 42rem; }
h1, h2, h3 { font-family: var(--serif); font-weight: 600; text-wrap: balance; }
h1 { font-size: clamp(1.7rem, 1.1rem + 2.6vw, 2.75rem); line-height: 1.16; margin: .35rem 0 1rem; max-width: 52rem; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 0 0 .5rem; }
h3 { font-size: 1.05rem; line-height: 1.3; margin: 0; }
code, .mono { font-family: var(--mono); font-size: .86em; overflow-wrap: anywhere; unicode-bidi: isolate; }
a { color: var(--seen); }
.kicker { color: var(--soft); font-size: .92rem; margin: 0; }
.kicker strong { color: var(--ink); font-weight: 600; }
.lead { font-size: 1.12rem; line-height: 1.5; }
.soft { color: var(--soft); }
.note { color: var(--soft); font-size: .88rem; line-height: 1.5; }
.bad { color: var(--out); font-weight: 600; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; margin: 0 0 1.5rem; font-size: .92rem; }
section { border-top: 1px solid var(--rule); margin-top: 2.5rem; padding-top: 1.5rem; }
section .about p { color: var(--soft); font-size: .92rem; line-height: 1.5; }
.body { min-width: 0; margin-top: 1.25rem; }
.body > * + * { margin-top: 1.5rem; }
.stack > * + * { margin-top: 1.5rem; }
.pair { display: grid; gap: 1.75rem; }
.pair > * { min-width: 0; }
figure { margin: 0; }
figcaption, caption { text-align: left; font-weight: 600; font-size: .92rem; padding: 0 0 .4rem; }
svg { display: block; overflow: visible; font-family: var(--sans); }
.square { max-width: 26rem; }
svg text { fill: var(--soft); font-size: 12px; }
svg text.strong { fill: var(--ink); }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; vertical-align: top; padding: .38rem 1rem .38rem 0; border-bottom: 1px solid var(--rule); }
th:last-child, td:last-child { padding-right: 0; }
thead th {
  color: var(--soft); font-weight: 500; font-size: .84rem; border-bottom-color: var(--soft); vertical-align: bottom;
}
thead .n { white-space: normal; }
tbody th { font-weight: 400; overflow-wrap: anywhere; min-width: 4rem; }
.day { white-space: nowrap; }
.n { text-align: right; white-space: nowrap; }
tr.chosen > * { font-weight: 650; }
tr.chosen .mono { font-weight: 400; }
td code { overflow-wrap: break-word; }
.scroll + .note, .steps + .note { margin-top: .5rem; }

dl {
  display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .3rem 1.25rem; margin: 0; font-size: .92rem;
}
dt { color: var(--soft); }
.stacked { grid-template-columns: minmax(0, 1fr); gap: 0; font-size: .88rem; }
.stacked dt { color: var(--ink); }
.stacked dd { color: var(--soft); margin-bottom: .5rem; }
dd { margin: 0; overflow-wrap: anywhere; }

.bars { display: grid; grid-template-columns: minmax(0, 1fr) max-content; gap: 0 1rem; font-size: .92rem; }
.bars .bar { grid-column: 1 / -1; margin: .15rem 0 .85rem; }
.bars .name { overflow-wrap: anywhere; }
.track { fill: var(--fill); }
.mine { fill: var(--seen); }
.other { fill: var(--soft); }
.grid { stroke: var(--rule); stroke-width: 1; }
.axis { stroke: var(--soft); stroke-width: 1; }
.ideal { stroke: var(--soft); stroke-width: 1; stroke-dasharray: 4 4; }
.dot { fill: var(--seen); fill-opacity: .8; stroke: var(--paper); stroke-width: 1; }

.key { display: flex; flex-wrap: wrap; gap: .35rem 1.5rem; font-size: .86rem; color: var(--soft); }
.key span { display: inline-flex; align-items: center; gap: .5rem; }
.timeline + .timeline { margin-top: 2.25rem; }
.timeline > p { margin: .1rem 0 .6rem; font-size: .92rem; }
.lane { display: grid; gap: .1rem 1.25rem; padding: .45rem 0; }
.lane + .lane { border-top: 1px solid var(--rule); }
.lane .who { font-size: .9rem; line-height: 1.4; }
.lane .what { font-size: .84rem; line-height: 1.4; color: var(--soft); }
.visible { fill: var(--seen-wash); }
.hidden { fill: var(--out-wash); }
.now { stroke: var(--ink); stroke-width: 1.5; }
.run { stroke: var(--seen); stroke-width: 2; }
.used { fill: var(--seen); stroke: var(--paper); stroke-width: 1; }
.leak { fill: var(--out); stroke: var(--ink); stroke-width: 2; }
.kept-out { fill: var(--paper); stroke: var(--out); stroke-width: 1.75; }

.steps { border-bottom: 1px solid var(--rule); font-size: .95rem; font-variant-numeric: tabular-nums; }
.steps summary, .steps .row {
  display: grid; grid-template-columns: 1.1rem minmax(0, 1fr) max-content; gap: .1rem .5rem; align-items: baseline;
  padding: .6rem 0 .5rem; border-top: 1px solid var(--rule); list-style: none;
}
.steps summary { cursor: pointer; }
.steps summary::-webkit-details-marker { display: none; }
.steps .sign::before { content: ""; }
.steps summary .sign::before { content: "+"; color: var(--seen); font-weight: 700; }
.steps details[open] summary .sign::before { content: "\\2212"; }
.steps .bar { grid-column: 1 / -1; }
.steps .total { font-weight: 650; }
.steps .none { color: var(--soft); }
.steps .by { color: var(--soft); font-size: .84rem; }
.steps .inside { padding: 0 0 .9rem 1.6rem; font-size: .9rem; }
.minus { fill: var(--out); }
.steps details[open] .link { display: none; }
.tear { fill: none; stroke: var(--paper); stroke-width: 3; }
.keys { display: flex; flex-wrap: wrap; gap: .3rem .5rem; list-style: none; margin: .25rem 0 0; padding: 0; }
.keys li { border: 1px solid var(--rule); border-radius: 3px; padding: 0 .4rem; max-width: 100%; }
.more summary { cursor: pointer; color: var(--seen); font-size: .92rem; }
.more > * + * { margin-top: .75rem; }
.group + .group { margin-top: 1.75rem; }
.group summary { cursor: pointer; padding: .1rem 0; }
.group summary h3 { display: inline; margin-right: .35rem; }
.group table { table-layout: fixed; }
.group th:nth-child(2) { width: 7rem; }
.group th:nth-child(3) { width: 4.5rem; }
.group th:nth-child(4) { width: 6.5rem; }
.group th:nth-child(5) { width: 28%; }
.group .rule { margin: .1rem 0 .4rem; font-size: .92rem; color: var(--soft); }

@media (max-width: 40rem) {
  table { font-size: .86rem; }
  th, td { padding-right: .5rem; }
  tbody th { min-width: 3rem; }
  .group thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .group tr {
    display: grid; grid-template-columns: 6rem 2.5rem 3.5rem minmax(0, 1fr);
    border-bottom: 1px solid var(--rule); padding: .4rem 0;
  }
  .group tbody th { grid-column: 1 / -1; }
  .group tbody :is(th, td) { border: 0; padding: 0 .5rem 0 0; }
}
@media (max-width: 48rem) {
  .steps .link { display: none; }
}
@media (min-width: 48rem) {
  .pair { grid-template-columns: 1fr 1fr; gap: 2.5rem; }
  .lane { grid-template-columns: 15rem minmax(0, 1fr); }
  .lane .what { grid-column: 2; }
  .steps summary, .steps .row { grid-template-columns: 1.1rem 18rem 4.5rem minmax(0, 1fr); align-items: center; }
  .steps .bar { grid-column: auto; }
  .steps .count { text-align: right; padding-right: .75rem; }
}
@media (min-width: 64rem) {
  section { display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 0 3rem; }
  .body { margin-top: 0; }
}
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --rule: #bbb; --fill: #e6e6e6; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 10pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  section, .timeline, tr, figure, .group { break-inside: avoid; }
  article + article { break-before: page; border: 0; padding: 0; }
  details::details-content { content-visibility: visible; block-size: auto; }
}
"""
