/**
 * Style sheet for everything except the reference: top bar, navigation, guides, code samples, search and
 * try-it form. The reference has its own style sheet (emit/reference/).
 */
export const FRAME_STYLE = `
:root { --bar-height: 3.5rem; --good: light-dark(#14622f, #7fd39a); --bad: light-dark(#a1221a, #ff9b90); --faint: light-dark(#4f5b6d, #a2aec0); }
html { scroll-padding-top: calc(var(--bar-height) + 1.2rem); }
body { grid-template-columns: 17rem minmax(0, 1fr); padding-top: var(--bar-height); }
.skip:focus { z-index: 5; }
.bar { display: flex; align-items: center; gap: 1rem; position: fixed; inset: 0 0 auto; height: var(--bar-height); padding: 0 1.5rem;
  background: var(--ground); border-bottom: 1px solid var(--line); z-index: 3; }
.bar .brand { font-weight: 700; font-size: 1.1rem; color: var(--ink); white-space: nowrap; flex: 0 0 14.5rem; padding: 0; display: block; }
.bar .brand span { color: var(--faint); font-weight: 400; font-size: 0.9rem; }
.bar .menu { display: none; }
nav { top: var(--bar-height); height: calc(100vh - var(--bar-height)); padding-top: 1.2rem; }
nav .top { display: none; }
nav details { margin-bottom: 0.15rem; }
nav summary { font-weight: 600; padding: 0.25rem 0; border-radius: 4px; }
nav summary::marker { color: var(--faint); }
nav details ul { border-left: 1px solid var(--line); margin: 0.1rem 0 0.5rem 0.3rem; padding-left: 0.6rem; }
nav li a { padding: 0.18rem 0.5rem; border-radius: 4px; }
nav li code { background: none; padding: 0; font-size: 0.92em; }
nav [aria-current] { background: var(--ground); color: var(--accent); box-shadow: inset 2px 0 var(--accent); }
main { padding-top: 1.8rem; }
main a:not(.clause) { text-decoration: underline; text-decoration-color: color-mix(in srgb, var(--accent) 40%, transparent); text-underline-offset: 0.18em; }
main a code { background: none; padding: 0; }
.facts > div { grid-template-columns: 9rem minmax(0, 1fr); }
.crumb { color: var(--faint); font-size: 0.85rem; margin: 0 0 0.5rem; }
h1 { font-size: 2rem; overflow-wrap: anywhere; }
h1.name, h2.name { font-family: var(--mono); font-size: 1.6rem; letter-spacing: -0.02em; }
h1 .kind { font-size: 0.75rem; letter-spacing: 0; vertical-align: 0.4em; }
main h2 { font-size: 1.25rem; margin: 2.4rem 0 0.6rem; }
main h2.name { font-size: 1.05rem; margin: 0 0 0.3rem; }
main h3 { font: 600 1.05rem/1.4 system-ui, sans-serif; margin: 1.8rem 0 0.5rem; }
main h3 code, main h2 code { font-size: 0.92em; }
main > ul, main > ol { max-width: 48rem; padding-left: 1.4rem; }
main > ul.overview { padding: 0; }
main li { margin: 0.2rem 0; }
.overview li { margin: 0; }
blockquote { margin: 1rem 0; padding: 0.1rem 1rem; border-left: 3px solid var(--line); color: var(--faint); }
img { max-width: 100%; }
.clause { font-size: 0.92em; white-space: nowrap; }
main a[href*="clauses.html#"] { white-space: nowrap; }
.scroll { overflow-x: auto; }
table.text { table-layout: auto; }
table.text td, table.text th { overflow-wrap: break-word; min-width: 7rem; }
table.text tr > :first-child { min-width: 9rem; }
.index, .tapes { list-style: none; padding: 0; font-size: 0.9rem; }
.index { columns: 16rem; font-family: var(--mono); }
.index li { overflow-wrap: anywhere; }
.index :target, li:target { background: var(--mark); }
.names { font-size: 0.95rem; }
.tapes li { margin: 0.25rem 0; }
.tape { border-top: 1px solid var(--line); padding: 1.1rem 0 0.6rem; }
.tape p { margin-bottom: 0.3rem; }
.rules dd details { margin-top: 0.2rem; }

.block { position: relative; }
.copy { position: absolute; top: 0.4rem; right: 0.4rem; font: 0.78rem/1 system-ui, sans-serif; color: var(--faint); background: var(--ground);
  border: 1px solid var(--line); border-radius: 6px; padding: 0.35rem 0.55rem; cursor: pointer; opacity: 0; }
.block:hover .copy, .copy:focus-visible, .copy[data-done] { opacity: 1; }
@media (hover: none) { .copy { opacity: 1; } }

.samples { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; margin: 0.6rem 0 1.2rem; }
.samples details + details { border-top: 1px solid var(--line); }
.samples summary { padding: 0.5rem 0.9rem; font-size: 0.92rem; font-weight: 600; }
.samples pre { margin: 0; border-radius: 0; border-top: 1px solid var(--line); }

#search { flex: 1 1 auto; max-width: 44rem; position: relative; }
#search input { width: 100%; font: inherit; font-size: 0.95rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.42rem 0.8rem; }
#search .found { position: absolute; top: calc(100% + 0.4rem); left: 0; right: 0; background: var(--ground); border: 1px solid var(--line); border-radius: 10px;
  box-shadow: 0 12px 32px rgb(0 0 0 / 0.22); max-height: min(70vh, 36rem); overflow-y: auto; }
#search .found[hidden] { display: none; }
#search ol { list-style: none; margin: 0; padding: 0; }
#search li a { display: block; padding: 0.5rem 0.9rem; color: inherit; border-bottom: 1px solid var(--line); }
#search li a:hover, #search li a:focus { background: var(--card); text-decoration: none; outline-offset: -2px; }
#search b { font-family: var(--mono); font-size: 0.9em; overflow-wrap: anywhere; }
#search small { color: var(--faint); margin-left: 0.6rem; }
#search span { display: block; color: var(--faint); font-size: 0.86rem; line-height: 1.45; }
#search mark { background: none; color: var(--accent); font-weight: 600; }
#search [role=status] { margin: 0; padding: 0.4rem 0.9rem; color: var(--faint); font-size: 0.85rem; max-width: none; }

.try { margin-top: 2.4rem; padding: 0.4rem 1.2rem 1.2rem; border: 1px solid var(--line); border-radius: 10px; }
.try[hidden] { display: none; }
.try h2 { margin: 0.6rem 0; }
.try .field { margin: 0.6rem 0; }
.try label { display: block; font-size: 0.85rem; color: var(--faint); margin-bottom: 0.2rem; white-space: pre-wrap; }
.try textarea, .try input, .try select { width: 100%; font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 0.45rem 0.7rem; }
.try textarea { font: 0.86rem/1.5 var(--mono); resize: vertical; }
.try input { max-width: 26rem; }
.try .buttons { display: flex; flex-wrap: wrap; gap: 0.5rem; margin: 0.8rem 0; }
.try button { font: inherit; font-size: 0.9rem; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 0.4rem 0.9rem;
  cursor: pointer; }
.try button[type=submit] { background: var(--accent); border-color: var(--accent); color: var(--ground); font-weight: 600; }
.try .state { margin: 0.4rem 0; font-size: 0.92rem; overflow-wrap: anywhere; }
.try .state[data-state=open]::before { content: "● "; color: var(--good); }
.try .state[data-state=waiting]::before, .try .state[data-state=refused]::before { content: "● "; color: var(--bad); }
.try .frames { list-style: none; margin: 0.6rem 0 0; padding: 0; max-height: 30rem; overflow-y: auto; max-width: none; }
.try .frames li { border-top: 1px solid var(--line); padding: 0.3rem 0; margin: 0; }
.try .frames summary code { overflow-wrap: anywhere; }
.try .way { display: inline-block; min-width: 6rem; color: var(--faint); font-size: 0.85rem; }
.try .valid, .try .invalid { font-size: 0.8rem; margin-left: 0.6rem; color: var(--good); }
.try .invalid, .try .fault strong { color: var(--bad); }
.try .fault { font-size: 0.9rem; margin: 0.3rem 0; overflow-wrap: anywhere; }

@media (max-width: 60rem) {
  body { padding-top: var(--bar-height); }
  .bar { padding: 0 1rem; gap: 0.7rem; background: var(--ground); }
  .bar .brand { flex: 0 0 auto; font-size: 1rem; }
  .bar .brand span { display: none; }
  .bar .menu { display: block; padding: 0.5rem 0; }
  nav .top { display: flex; }
  nav:target { z-index: 4; }
  nav li a { padding: 0.4rem 0.5rem; }
  #search .found { position: fixed; top: calc(var(--bar-height) + 0.2rem); left: 0.5rem; right: 0.5rem; }
}
@media (max-width: 44rem) {
  h1 { font-size: 1.65rem; } h1.name { font-size: 1.35rem; }
  table.text, table.text tbody, table.text tr, table.text td, table.text th { display: revert; }
  table.text { display: table; width: 100%; }
  table.text thead { display: table-header-group; }
  table.text tr { display: table-row; }
  table.text td, table.text th { display: table-cell; padding: 0.45rem 0.8rem 0.45rem 0; border-bottom: 1px solid var(--line); min-height: 0; }
  table.text td::before { content: none; }
  .index { columns: 1; }
}
@media print {
  @page { margin: 16mm; }
  :root { color-scheme: light; }
  html { font-size: 80%; } body { padding-top: 0; font-size: 1rem; }
  .bar, .copy, #search, .try, .crumb, .names, h2:has(+ .names) { display: none; }
  main { max-width: none; padding: 0; } a { color: inherit; } footer { margin-top: 2rem; }
  pre, tr, .facts > div { break-inside: avoid; } pre { white-space: pre-wrap; overflow-wrap: anywhere; }
  h1, h2, h3, h4, summary, thead { break-after: avoid; } p, li { orphans: 3; widows: 3; }
}
`;
