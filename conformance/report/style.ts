/** Style sheet of the HTML report, for light and dark mode. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--soft:#f3f5f7;--line:#d5dae0;--dim:#5a6572;--good:#1a7f37;--bad:#c62828;--warn:#9a6700;--none:#6e7781;--in:#eef5ff;--out:#f4f1ff;--proof:#ffe3e0}
@media (prefers-color-scheme:dark){:root{--bg:#14171b;--fg:#e4e8ec;--soft:#1d2228;--line:#343b44;--dim:#9aa5b1;--good:#56c271;--bad:#ff7b72;--warn:#e3b341;--none:#8b949e;--in:#16263c;--out:#241f3d;--proof:#4d1f1c}}
*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;background:var(--bg);color:var(--fg)}
header{padding:1.2rem 2rem;border-bottom:4px solid var(--bad)}header.good{border-color:var(--good)}
h1{margin:0;font-size:1.5rem}h2{font-size:1.15rem;margin:2rem 0 .6rem}main,footer{padding:0 2rem}footer{padding:2rem;color:var(--dim)}
code,pre,.lanes{font-family:ui-monospace,monospace;font-size:12.5px}pre{background:var(--soft);padding:.8rem;overflow:auto;border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere}
.v{display:inline-block;min-width:5.2em;text-align:center;font-size:.75rem;font-weight:600;padding:.05rem .4rem;border-radius:4px;border:1px solid currentColor;color:var(--none)}
.v-PASS{color:var(--good)}.v-FAIL,.v-UNTESTABLE{color:var(--bad)}.v-WARN,.v-VACUOUS,.v-INCONCLUSIVE{color:var(--warn)}
.bar{display:flex;gap:2px;flex-wrap:wrap}.b{width:16px;height:22px;border-radius:3px;background:currentColor}.b:not([class*=PASS]):not([class*=FAIL]):not([class*=UNTEST]){opacity:.45}
table{border-collapse:collapse}.clauses{width:100%}.clauses th,.clauses td{border-top:1px solid var(--line);padding:.35rem .6rem;text-align:left;vertical-align:top}
.clauses th{white-space:nowrap}.links a{display:inline-block;margin-right:.6em;font-size:.82rem}.t-FAIL{color:var(--bad)}.t-NA,.t-VACUOUS{color:var(--dim)}
details{border:1px solid var(--line);border-radius:6px;margin:.35rem 0;padding:.35rem .8rem}summary{cursor:pointer}.why{color:var(--dim)}details p{margin:.4rem 0}
:target{outline:2px solid var(--warn)}a{color:inherit}.scroll{overflow:auto;max-height:34rem}
.lanes th{font-weight:400;color:var(--dim);text-align:right;padding:0 .6rem 0 0;vertical-align:top}.lanes thead th{text-align:left;position:sticky;top:0;background:var(--bg)}
.lanes td{min-width:17rem;max-width:34rem;padding:.1rem .4rem;overflow-wrap:anywhere}.f.in{background:var(--in)}.f.out{background:var(--out)}.d{color:var(--dim)}.proof td.f{background:var(--proof)}
.headline{font-weight:600;color:var(--bad);overflow-wrap:anywhere}summary{overflow-wrap:anywhere}.cause{border-left:4px solid var(--bad)}h1,header p,footer{overflow-wrap:anywhere}
@media (max-width:40rem){body{font-size:14px}header,footer{padding:1rem}main{padding:0 .7rem}h1{font-size:1.2rem}.b{width:12px;height:18px}.why{display:block}details{padding:.35rem .5rem}pre{padding:.5rem;font-size:11px}
.clauses,.clauses tbody,.clauses tr,.clauses td,.clauses th{display:block;width:auto}.clauses thead{display:none}.clauses tr{padding:.5rem 0;border-bottom:1px solid var(--line)}.clauses td,.clauses th{border:0;padding:.1rem 0;white-space:normal}.lanes td{min-width:13rem}}
`;
