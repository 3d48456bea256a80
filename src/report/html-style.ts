// The style sheet of the HTML report: light and dark, phone to paper, no scripts, no fonts or images from anywhere.

/** CSS, constant, so that the page's content security policy can name its hash. */
export const styleSheet = `
:root{color-scheme:light dark;--bg:#fff;--fg:#1c2127;--quiet:#596673;--line:#d5dbe1;--soft:#f4f6f8;--bad:#b3261e;--warn:#8a5a00;--good:#1b7037;--link:#0b57d0}
@media (prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e4e8ec;--quiet:#9aa7b4;--line:#39424c;--soft:#1e242a;--bad:#ff8a80;--warn:#f2bd5c;--good:#7bd494;--link:#8ab4f8}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--fg);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","PingFang SC","Microsoft YaHei","Noto Sans CJK SC",sans-serif;overflow-wrap:anywhere}
main,footer{max-width:56rem;margin:0 auto;padding:1.5rem 1rem}
footer{padding-top:0;color:var(--quiet);font-size:.875rem}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.15rem;margin:2rem 0 .5rem;padding-top:1rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:1.25rem 0 .25rem}
p{margin:.25rem 0}
.quiet{color:var(--quiet)}
.bad{color:var(--bad)}.warn{color:var(--warn)}.good{color:var(--good)}
.skip{position:absolute;left:-100vw}
.skip:focus{position:static;display:block;padding:.5rem 1rem}
a{color:var(--link)}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
code,pre,kbd{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;font-size:.875em}
pre{margin:.375rem 0;padding:.5rem .75rem;background:var(--soft);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap}
pre.value{border-width:0 0 0 3px;border-radius:0;padding:.125rem .75rem;background:none}
dl.answer{display:grid;grid-template-columns:max-content 1fr;gap:.375rem 1rem;margin:1rem 0}
dl.answer dt{font-weight:600;color:var(--quiet)}
dl.answer dd{margin:0}
dl.answer dd p{margin:0 0 .25rem}
ol,ul{margin:.25rem 0;padding-left:1.5rem}
li{margin:.375rem 0}
ol.path{list-style:none;padding:0}
ol.path li{margin:0;padding:.375rem .75rem;border-left:3px solid var(--line)}
ol.path li.ok{border-color:var(--good)}ol.path li.failing{border-color:var(--warn)}ol.path li.broken{border-color:var(--bad);background:var(--soft)}
ol.path .d1{margin-left:1rem}ol.path .d2{margin-left:2rem}ol.path .d3{margin-left:3rem}ol.path .d4{margin-left:4rem}ol.path .d5{margin-left:5rem}ol.path .d6{margin-left:6rem}
ol.path strong{margin-right:.5rem}
details{margin:.5rem 0}
details>summary{cursor:pointer;padding:.25rem 0}
h2.inline{display:inline;border:0;padding:0;margin:0}
details.section{margin-top:2rem;padding-top:1rem;border-top:1px solid var(--line)}
@media (max-width:30rem){dl.answer{grid-template-columns:1fr;gap:0}dl.answer dd{margin-bottom:.5rem}ol.path .d1,ol.path .d2,ol.path .d3,ol.path .d4,ol.path .d5,ol.path .d6{margin-left:calc(.5rem * var(--depth,1))}ol.path .d2{--depth:2}ol.path .d3{--depth:3}ol.path .d4{--depth:4}ol.path .d5{--depth:5}ol.path .d6{--depth:6}}
@media print{:root{--bg:#fff;--fg:#000;--quiet:#444;--line:#999;--soft:#fff;--bad:#900;--warn:#630;--good:#060}body{font-size:11pt}main,footer{max-width:none;padding:0}.skip{display:none}pre,li,dl.answer{break-inside:avoid}h2,h3{break-after:avoid}details.section::details-content{content-visibility:visible;block-size:auto}}
`;

/** What the content security policy calls it: SHA-256 of `styleSheet`. A test says the right value when the sheet has changed. */
export const styleSheetHash = 'sha256-6eaisV+YGIxTIjeP1SJHhhIoHHePlrgPxOgfYVDAZcs=';
