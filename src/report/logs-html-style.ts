// The part of the style sheet that only reports of `why5xx logs` need: timelines and tables of figures. Apart from the common one, so
// that pages without logs stay as they are.

/** CSS, constant, so that the page's content security policy can name its hash. */
export const logsStyleSheet = `
:root{--c0:#b3261e;--c1:#0b57d0;--c2:#8a5a00;--c3:#6b3fa0;--c4:#00696e;--c5:#a0336c;--c6:#4c6a00;--c7:#5c5470;--cu:#7a8794}
@media (prefers-color-scheme:dark){:root{--c0:#ff8a80;--c1:#8ab4f8;--c2:#f2bd5c;--c3:#c9a6ff;--c4:#6fd3d8;--c5:#ff9ecb;--c6:#b8d56a;--c7:#c9c0de;--cu:#8d99a6}}
.c0{fill:var(--c0)}.c1{fill:var(--c1)}.c2{fill:var(--c2)}.c3{fill:var(--c3)}.c4{fill:var(--c4)}.c5{fill:var(--c5)}.c6{fill:var(--c6)}.c7{fill:var(--c7)}.cu{fill:var(--cu)}.cr{fill:var(--line)}
figure{margin:.75rem 0;break-inside:avoid}
figcaption{display:flex;flex-wrap:wrap;justify-content:space-between;gap:0 1rem;font-size:.9rem}
svg.chart{display:block;width:100%;height:2.25rem;background:var(--soft);border-bottom:1px solid var(--quiet)}
svg.chart.tall{height:9rem}
svg.chart.low{height:1.25rem}
svg.chart rect.hit{fill:transparent}
svg.chart g:hover rect.hit{fill:var(--fg);fill-opacity:.08}
svg.key{display:inline-block;width:.75rem;height:.75rem;margin-right:.4rem;vertical-align:baseline}
.axis{display:flex;justify-content:space-between;color:var(--quiet);font-size:.8125rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9375rem;margin:.25rem 0 1rem}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;padding:.25rem .75rem .25rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:400;color:var(--quiet);font-size:.8125rem}
th.n,td.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;overflow-wrap:normal;padding-right:0;padding-left:.75rem}
ul.inputs{list-style:none;padding:0}
.lines{margin-left:1rem}
@media (max-width:30rem){.lines{margin-left:.5rem}table{font-size:.875rem}}
@media print{:root{--c0:#900;--c1:#003a9e;--c2:#630;--c3:#4a2480;--c4:#004b4f;--c5:#7a1d4f;--c6:#344a00;--c7:#444;--cu:#777}svg.chart{background:none;border:1px solid #999;print-color-adjust:exact}table,tr{break-inside:avoid}p:has(+pre),summary,caption{break-after:avoid}li:has(.lines){break-inside:auto}.scroll{overflow:visible}details:not(.section){display:none}}
`;

/** What the content security policy calls it: SHA-256 of `logsStyleSheet`. A test says the right value when the sheet has changed. */
export const logsStyleSheetHash = 'sha256-G/EDM/nQnsCbzRKRmicdZTNZCuru32jVuqZ0DKVnaoQ=';
