/** Style sheet of the reference: any width, light and dark, and print. */
export const STYLE = `
:root { color-scheme: light dark;
  --ink: light-dark(#1b2330, #dde4ee); --faint: light-dark(#566274, #97a4b7); --ground: light-dark(#ffffff, #11151b);
  --card: light-dark(#f4f6f9, #191f28); --line: light-dark(#e0e5ec, #2a333f); --accent: light-dark(#0b6772, #56c4cf);
  --mark: light-dark(#fff6da, #2b2812); --bar: light-dark(#d9a400, #d6b24a);
  --key: light-dark(#0b6772, #74d1da); --string: light-dark(#835200, #e3bd80); --number: light-dark(#6b34a6, #c6a6ec);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
* { box-sizing: border-box; }
html { scroll-padding-top: 1.5rem; -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.6 system-ui, sans-serif; display: grid;
  grid-template-columns: 15.5rem minmax(0, 1fr); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
a code { color: inherit; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: 0.875em; }
code { background: var(--card); border-radius: 4px; padding: 0.1em 0.3em; overflow-wrap: anywhere; }
p { margin: 0 0 0.8rem; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--ground); padding: 0.5rem; z-index: 3; }

.bar, nav .top a { display: none; }
.bar strong span, nav .top span { color: var(--faint); font-weight: 400; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.5rem 1rem 2rem 1.5rem; background: var(--card);
  border-right: 1px solid var(--line); font-size: 0.875rem; line-height: 1.45; scrollbar-width: thin; }
nav .top { font-size: 1.1rem; margin-bottom: 1rem; }
nav h2 { font-size: 0.72rem; letter-spacing: 0.07em; text-transform: uppercase; margin: 1.4rem 0 0.3rem; }
nav h2, nav h2 a { color: var(--faint); }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: 0.16rem 0; color: var(--ink); overflow-wrap: anywhere; }
nav li a:hover { color: var(--accent); }
nav .names { font-family: var(--mono); font-size: 0.92em; }

main { padding: 2.2rem clamp(1.1rem, 4vw, 4rem) 6rem; max-width: 68rem; width: 100%; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 0.8rem; letter-spacing: -0.015em; }
.opening { font-size: 1.1rem; }
main p, .hints, .dialogue, .rules { max-width: 48rem; }
.hints { margin: 1.4rem 0 0; padding: 0.9rem 1.2rem 0.9rem 2.2rem; background: var(--card); border-radius: 8px; font-size: 0.94rem; }
.hints li { margin: 0.25rem 0; }
.hints code { background: var(--ground); }
.chapter { margin-top: 3.5rem; padding-top: 2rem; border-top: 1px solid var(--line); }
.topic { margin-top: 3.5rem; }
h2 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 0.4rem; letter-spacing: -0.01em; }
h3 { font: 600 1.2rem/1.35 var(--mono); margin: 0 0 0.4rem; overflow-wrap: anywhere; }
h4 { font-size: 1rem; margin: 1.8rem 0 0.5rem; }
h2 > a, h3 > a { color: inherit; }
h2 > a:hover::after, h3 > a:hover::after { content: " #"; color: var(--faint); }
.kind { font: 0.72rem/1 system-ui, sans-serif; color: var(--faint); border: 1px solid var(--line); border-radius: 1rem;
  padding: 0.15rem 0.5rem; vertical-align: 0.15em; white-space: nowrap; }
.lead { color: var(--faint); }
.summary { font-size: 1.05rem; font-weight: 600; margin-bottom: 0.4rem; }
h2:target, h3:target, h4:target, .rules > :target { background: var(--mark); box-shadow: -0.6rem 0 var(--mark), -0.8rem 0 var(--bar); }
tr:target > * { background: var(--mark); }
tr:target > :first-child { box-shadow: -0.6rem 0 var(--mark), -0.8rem 0 var(--bar); }

.overview { list-style: none; margin: 1rem 0 0; padding: 0; border: 1px solid var(--line); border-radius: 8px; font-size: 0.92rem; }
.overview li { display: grid; grid-template-columns: minmax(11rem, 15rem) 1fr; gap: 0 1rem; padding: 0.38rem 0.9rem; }
.overview li + li { border-top: 1px solid var(--line); }
.overview code { background: none; padding: 0; }
.facts, .rules { margin: 0.9rem 0 0; font-size: 0.92rem; }
.facts > div { display: grid; grid-template-columns: 7rem minmax(0, 1fr); gap: 0 1rem; padding: 0.12rem 0; }
.facts dt { color: var(--faint); }
.facts dd, .rules dd { margin: 0; }
.facts .line { display: block; }
.rules > div { display: grid; grid-template-columns: 4.2rem minmax(0, 1fr); gap: 0 1rem; padding: 0.45rem 0; }
.rules dt { font-weight: 600; font-size: 0.9em; font-family: var(--mono); line-height: 1.75; white-space: nowrap; }
.rules .bounds { margin: 0.1rem 0 0; }

table { border-collapse: collapse; width: 100%; table-layout: fixed; font-size: 0.9rem; line-height: 1.5; margin: 0.6rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: 0.45rem 1rem 0.45rem 0; border-bottom: 1px solid var(--line);
  font-weight: 400; overflow-wrap: anywhere; }
thead th { color: var(--faint); font-size: 0.8rem; font-weight: 600; padding-bottom: 0.3rem; }
td p { margin: 0; }
th[scope="row"] code { background: none; padding: 0; font-weight: 600; }
.bounds { color: var(--faint); font-size: 0.86em; }
.bounds code { background: none; padding: 0; }
.d1 > th { padding-left: 1.2rem; } .d2 > th { padding-left: 2.4rem; } .d3 > th { padding-left: 3.6rem; } .d4 > th { padding-left: 4.8rem; }
.must { color: var(--accent); font-size: 0.8em; }
.num { font-variant-numeric: tabular-nums; }
.num .g { margin-left: 0.18em; }
td small { display: block; color: var(--faint); font-size: 0.86em; }

pre { margin: 0.5rem 0; padding: 0.8rem 1rem; background: var(--card); border-radius: 8px; overflow-x: auto; line-height: 1.55; }
pre code { background: none; padding: 0; font-size: 1em; overflow-wrap: normal; }
pre .k { color: var(--key); } pre .s { color: var(--string); } pre .n, pre .w { color: var(--number); }
summary { cursor: pointer; }
.example { margin: 0.5rem 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.example > summary { padding: 0.4rem 0.9rem; font-size: 0.9rem; }
.example > pre, .dialogue pre { margin: 0; border-radius: 0; border-top: 1px solid var(--line); }
.cited { margin-top: 0.9rem; font-size: 0.92rem; }
.cited > summary { color: var(--faint); }
.cited > summary span { font: 0.82em var(--mono); margin-left: 0.5rem; white-space: nowrap; }
.dialogue { list-style: none; margin: 0.6rem 0; padding: 0; }
.dialogue li { margin: 0.45rem 0; width: 80%; }
.dialogue .server { margin-left: 20%; }
.dialogue details { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; }
.dialogue .client details { border-left: 3px solid var(--accent); }
.dialogue .server details { border-right: 3px solid var(--bar); }
.dialogue summary { padding: 0.4rem 0.9rem; font-size: 0.92rem; }
.dialogue .from { color: var(--faint); font-size: 0.85em; display: inline-block; min-width: 3.2rem; }
footer { margin-top: 5rem; color: var(--faint); font-size: 0.85rem; overflow-wrap: anywhere; }

@media (min-width: 44.01rem), print {
  .fields th:first-child { width: 31%; } .fields th:nth-child(2) { width: 19%; }
  .types th:first-child { width: 20%; } .types th:nth-child(2) { width: 18%; }
  .errors th:first-child { width: 27%; } .errors th:nth-child(3), .errors th:nth-child(4) { width: 14%; }
  .codes th:first-child { width: 5rem; } .codes th:nth-child(2) { width: 13rem; }
  .limits th:first-child { width: 25%; } .limits th:nth-child(3) { width: 18%; } .limits th:nth-child(n + 4) { width: 11.5%; }
  .filters th:first-child { width: 18%; } .filters th:nth-child(3) { width: 13%; } .filters th:nth-child(4) { width: 30%; }
  .policies th:first-child { width: 18%; } .policies th:nth-child(3) { width: 42%; }
  .plain th:first-child { width: 22%; }
}
@media (max-width: 60rem) {
  html { scroll-padding-top: 4.2rem; }
  body { display: block; padding-top: 3rem; }
  .bar { display: flex; justify-content: space-between; align-items: center; position: fixed; inset: 0 0 auto; height: 3rem;
    padding: 0 1.1rem; background: var(--card); border-bottom: 1px solid var(--line); z-index: 1; }
  .bar a, nav .top a { display: block; padding: 0.5rem 0 0.5rem 1rem; }
  nav { display: none; }
  nav:target { display: block; position: fixed; inset: 0; height: auto; z-index: 2; border: 0; font-size: 1rem; padding-top: 0; }
  nav .top { display: flex; justify-content: space-between; align-items: center; position: sticky; top: 0; height: 3rem;
    margin: 0 -1rem 0 -1.5rem; padding: 0 1.1rem; background: var(--card); border-bottom: 1px solid var(--line); font-size: 1rem; }
  nav li a { padding: 0.35rem 0; }
  main { padding-top: 1.5rem; }
  .chapter, .topic { margin-top: 2.6rem; }
}
@media (max-width: 44rem) {
  .overview li { grid-template-columns: minmax(0, 1fr); padding-block: 0.45rem; }
  .facts > div { grid-template-columns: 5.4rem minmax(0, 1fr); }
  .dialogue li { width: auto; } .dialogue .client { margin-right: 8%; } .dialogue .server { margin-left: 8%; }
  table, tbody, tr, th, td { display: block; width: auto; }
  thead { display: none; }
  table th, table td { padding: 0; border: 0; }
  tr { padding: 0.6rem 0; border-bottom: 1px solid var(--line); }
  table td { position: relative; padding: 0.15rem 0 0 7rem; min-height: 1.5em; }
  td::before { content: attr(data-head); color: var(--faint); font-size: 0.9em; position: absolute; left: 0; width: 6.4rem; }
  .fields td, .types td, .codes td, table td:nth-child(2):has(+ td) { padding-left: 0; }
  .fields td::before, .types td::before, .codes td::before, td:nth-child(2):has(+ td)::before { content: none; }
  tr:target { background: var(--mark); box-shadow: -0.6rem 0 var(--mark), -0.8rem 0 var(--bar); }
  tr:target > :first-child { box-shadow: none; }
  td small { display: inline; margin-left: 0.4rem; }
  tr.d1 { margin-left: 0.9rem; } tr.d2 { margin-left: 1.8rem; } tr.d3 { margin-left: 2.7rem; } tr.d4 { margin-left: 3.6rem; }
}
@media print {
  nav, .bar { display: none; } body { display: block; }
  details::details-content { content-visibility: visible; }
}
`;
