/** The look of the reference: readable at any width, by day and by night, and on paper. */
export const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c2430, #dfe5ee); --faint: light-dark(#586474, #97a4b6);
  --ground: light-dark(#fcfdfe, #12161c); --card: light-dark(#f2f5f8, #1a2029); --line: light-dark(#dce2ea, #2c3542);
  --accent: light-dark(#0a6a74, #4cc0cb); --mark: light-dark(#fff4d6, #3a3112); --key: light-dark(#0a6a74, #6fd0da);
  --string: light-dark(#7a4b00, #e6bd7a); --number: light-dark(#6a2fa0, #c3a0ea);
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", "DejaVu Sans Mono", monospace; }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.6 system-ui, sans-serif; display: grid;
  grid-template-columns: 16rem minmax(0, 1fr); }
a { color: var(--accent); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
code, pre { font-family: var(--mono); font-size: 0.88em; }
code { background: var(--card); border-radius: 4px; padding: 0.05em 0.3em; overflow-wrap: anywhere; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 0.5rem; background: var(--ground); padding: 0.5rem; }
nav { position: sticky; top: 0; height: 100vh; overflow-y: auto; padding: 1.25rem 1rem 2rem 1.25rem; border-right: 1px solid var(--line); font-size: 0.9rem; }
nav strong { display: block; font-size: 1.05rem; margin-bottom: 0.75rem; }
nav summary { cursor: pointer; font-weight: 600; padding: 0.25rem 0; }
nav ul { list-style: none; margin: 0 0 0.5rem; padding: 0 0 0 0.9rem; }
nav li a { display: block; padding: 0.1rem 0; color: var(--ink); overflow-wrap: anywhere; }
nav li a:hover { color: var(--accent); }
main { padding: 1.5rem clamp(1rem, 4vw, 3.5rem) 6rem; max-width: 66rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 0.5rem; letter-spacing: -0.01em; }
h2 { font-size: 1.45rem; margin: 3.5rem 0 0.5rem; padding-top: 1rem; border-top: 2px solid var(--line); }
h3 { font-size: 1.12rem; margin: 2.6rem 0 0.3rem; font-family: var(--mono); }
h4 { font-size: 0.95rem; margin: 1.4rem 0 0.4rem; color: var(--faint); font-weight: 600; }
h2 > a, h3 > a { color: inherit; }
:target { background: var(--mark); box-shadow: 0 0 0 0.35rem var(--mark); border-radius: 2px; }
.lead { color: var(--faint); margin: 0 0 1rem; }
.facts { display: flex; flex-wrap: wrap; gap: 0.4rem; margin: 0.4rem 0; padding: 0; list-style: none; font-size: 0.82rem; }
.facts li { border: 1px solid var(--line); border-radius: 1rem; padding: 0.05rem 0.65rem; color: var(--faint); }
.leads { font-size: 0.85rem; color: var(--faint); margin: 0.4rem 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; }
th { text-align: left; font-weight: 600; color: var(--faint); font-size: 0.82rem; border-bottom: 1px solid var(--line); padding: 0.3rem 0.8rem 0.3rem 0; }
td { vertical-align: top; padding: 0.4rem 0.8rem 0.4rem 0; border-bottom: 1px solid var(--line); }
td:first-child { min-width: 9rem; } td:first-child code { white-space: nowrap; }
td p { margin: 0 0 0.2rem; }
td .bounds { color: var(--faint); font-size: 0.85em; overflow-wrap: anywhere; }
.d1 { padding-left: 1.1rem; } .d2 { padding-left: 2.2rem; } .d3 { padding-left: 3.3rem; } .d4 { padding-left: 4.4rem; }
.must::after { content: " required"; color: var(--accent); font-size: 0.72rem; font-family: system-ui, sans-serif; }
.num { font-variant-numeric: tabular-nums; white-space: nowrap; }
details.example { margin: 0.5rem 0; border: 1px solid var(--line); border-radius: 6px; }
details.example > summary { cursor: pointer; padding: 0.35rem 0.8rem; font-size: 0.88rem; }
pre { margin: 0; padding: 0.8rem; background: var(--card); overflow-x: auto; line-height: 1.5; border-radius: 0 0 6px 6px; }
pre .k { color: var(--key); } pre .s { color: var(--string); } pre .n, pre .w { color: var(--number); }
.clauses { margin: 0.4rem 0; font-size: 0.85rem; display: flex; flex-wrap: wrap; gap: 0.2rem 0.8rem; }
dl.clause { margin: 0; } dl.clause dt { font-family: var(--mono); font-weight: 600; margin-top: 1.1rem; }
dl.clause dd { margin: 0.1rem 0 0; }
footer { margin-top: 4rem; color: var(--faint); font-size: 0.85rem; overflow-wrap: anywhere; }
@media (max-width: 56rem) {
  body { display: block; }
  nav { position: static; height: auto; border-right: 0; border-bottom: 1px solid var(--line); }
  td:first-child { min-width: 7rem; }
}
@media print { nav { display: none; } body { display: block; } details.example > pre { display: block; } }
`;
