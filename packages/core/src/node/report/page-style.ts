/** Style sheet of `report.html`. */
export const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fefefe; --sheet: #f5f6f8; --ink: #22262d; --quiet: #68707d; --line: #dfe2e8; --accent: #2f6db5; --second: #d9772e;
}
@media (prefers-color-scheme: dark) {
  :root { --paper: #1c1f24; --sheet: #131519; --ink: #e4e7ec; --quiet: #98a1af; --line: #333943; --accent: #6aa7ea; --second: #ec9a5a; }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; padding: clamp(1.2rem, 4vw, 3.2rem) clamp(.9rem, 4vw, 2.5rem) 4rem;
  background: var(--sheet); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1080px; margin: 0 auto; }
header { margin-bottom: 2rem; }
h1 { font-size: clamp(1.5rem, 4.5vw, 2.15rem); line-height: 1.2; letter-spacing: -.015em; font-weight: 650; margin: 0 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; font-weight: 620; letter-spacing: -.005em; margin: 0; }
section > h2 { margin: 2.8rem 0 .9rem; font-size: 1.2rem; }
p { margin: 0; }
.quiet, figcaption p { color: var(--quiet); }
.lead { max-width: 46rem; color: var(--quiet); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(46%, 11.5rem), 1fr)); gap: .8rem; margin: 1.6rem 0 0; padding: 0; }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: .85rem 1rem .9rem; }
.tile dt { color: var(--quiet); font-size: .84rem; }
.tile dd { margin: .1rem 0 0; font-size: clamp(1.12rem, 4.6vw, 1.38rem); line-height: 1.3; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.tile dd small { display: block; font-size: .82rem; font-weight: 400; color: var(--quiet); letter-spacing: 0; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.1rem; align-items: start; }
figure { margin: 0; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 1rem 1.1rem 1.1rem; min-width: 0; }
figure.wide { grid-column: 1 / -1; }
figcaption { margin-bottom: .8rem; }
figcaption p { font-size: .88rem; line-height: 1.45; margin-top: .15rem; }
figure img, figure svg { display: block; width: 100%; height: auto; margin: 0 auto; border-radius: 4px; }
figure img { image-rendering: pixelated; }
figure pre { margin: 0 0 .8rem; padding: .7rem .8rem; background: var(--sheet); border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
.table { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .5rem 1rem; border-top: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
tr:first-child > * { border-top: 0; }
th { font-weight: 500; color: var(--quiet); }
tbody th { width: 38%; }
.metrics tbody th { min-width: 13rem; }
.models th:first-child { position: sticky; left: 0; background: var(--paper); min-width: 8.6rem; max-width: 15rem; width: auto; }
.models th, .models td { padding: .45rem .6rem .45rem .9rem; }
.models thead th { color: var(--ink); font-weight: 620; }
.models td { min-width: 7rem; overflow-wrap: normal; }
.models small { display: block; color: var(--quiet); font-size: .82em; line-height: 1.35; }
.remarks { margin: .9rem 0 0; padding-left: 1.1rem; color: var(--quiet); font-size: .9rem; }
td.number, th.number { text-align: right; white-space: nowrap; }
code, pre.command { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; font-size: .88em; }
pre.command { margin: 0; padding: .9rem 1rem; background: var(--paper); border: 1px solid var(--line); border-radius: 10px; white-space: pre-wrap; overflow-wrap: anywhere; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.1rem; align-items: start; }
.columns h2 { margin: 0 0 .6rem; font-size: .95rem; }
footer { margin-top: 3rem; color: var(--quiet); font-size: .85rem; }
@media print { body { background: none; padding: 0; } figure, .table, .tile { break-inside: avoid; } }
`;
