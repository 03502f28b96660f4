"""How the page looks: light and dark, wide, narrow and on paper."""

_LIGHT = """
--paper:#ffffff;--panel:#f4f6f8;--ink:#1b1f24;--soft:#525b65;--rule:#d5dbe1;--grid:#e8ecef;
--good:#08704d;--bad:#a83a06;--same:#0a5a9c;--unsure:#525b65;--band:#0a5a9c22;--link:#0a5a9c;
--s0:#0a5a9c;--s1:#a83a06;--s2:#08704d;--s3:#8a3f86;--s4:#8a5a00;--s5:#3d4650;
"""
_DARK = """
--paper:#12161b;--panel:#1b2129;--ink:#e7eaee;--soft:#aab4be;--rule:#3a434d;--grid:#272e36;
--good:#52cfa2;--bad:#f5935f;--same:#74b9f5;--unsure:#aab4be;--band:#74b9f533;--link:#8ac4f8;
--s0:#74b9f5;--s1:#f5935f;--s2:#52cfa2;--s3:#dd9bd9;--s4:#e3b341;--s5:#aab4be;
"""
_LOOKS = ("good", "bad", "same", "unsure", "s0", "s1", "s2", "s3", "s4", "s5")
_CLASSES = "".join(
    f".f-{n}{{fill:var(--{n})}}.l-{n}{{stroke:var(--{n})}}.t-{n}{{fill:var(--{n})}}"
    for n in _LOOKS
)

STYLE = f"""<style>
:root{{color-scheme:light dark;{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}}
main,header,footer{{max-width:1120px;margin:0 auto;padding:0 20px}}
header{{padding-top:28px}}
h1,h2,h3{{overflow-wrap:anywhere}}
h1{{font-size:1.7rem;line-height:1.2;margin:0 0 .3em}}
h2{{font-size:1.3rem;margin:2.2em 0 .5em;padding-top:.5em;border-top:1px solid var(--rule)}}
h3{{font-size:1rem;margin:0 0 .6em}}
p{{margin:.5em 0;max-width:76ch}}
a{{color:var(--link)}}
code{{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
overflow-wrap:anywhere}}
pre{{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:10px 12px;
margin:.5em 0;white-space:pre-wrap;overflow-wrap:anywhere}}
nav{{display:flex;flex-wrap:wrap;gap:4px 16px;margin:14px 0 0}}
nav a{{padding:4px 0}}
.answer{{background:var(--panel);border:1px solid var(--rule);border-radius:10px;
padding:14px 18px;margin:16px 0}}
.answer h2{{border:0;margin:0;padding:0}}
.answer ul{{padding-left:1.2em;margin:.4em 0}} .answer li{{margin:.35em 0;max-width:90ch}}
.lead{{color:var(--soft)}}
.missing{{color:var(--soft);border-left:3px solid var(--rule);padding-left:10px}}
.figure{{margin:18px 0 26px;break-inside:avoid}}
.read{{color:var(--soft);font-size:.92rem;max-width:82ch;margin-top:.5em}}
.made{{color:var(--soft);font-size:.78rem;margin:.35em 0 0;max-width:none;overflow-wrap:anywhere}}
details{{border:1px solid var(--rule);border-radius:8px;margin:10px 0;padding:2px 14px}}
details .figure{{margin:10px 0 14px}}
summary{{cursor:pointer;padding:8px 0;font-weight:600;overflow-wrap:anywhere}}
.table{{overflow-x:auto;max-width:100%}}
table{{border-collapse:collapse;font-size:.92rem}}
th,td{{padding:.35em .9em .35em 0;border-bottom:1px solid var(--rule);text-align:right;
font-variant-numeric:tabular-nums;white-space:nowrap;vertical-align:top}}
th{{font-weight:600}} .word{{text-align:left}} td.word{{white-space:normal;min-width:8em}}
.chart{{display:block;width:100%;height:auto;overflow:visible}}
.narrow{{display:none}}
.chart text{{font-size:13px;fill:var(--ink)}}
.narrow .chart text.label,.narrow .chart text[class^=t-]{{
paint-order:stroke;stroke:var(--paper);stroke-width:5px;stroke-linejoin:round}}
 .chart text.soft{{fill:var(--soft)}}
.axis{{stroke:var(--soft);stroke-width:1;fill:none}} .dash{{stroke-dasharray:5 4}}
.grid{{stroke:var(--grid);stroke-width:1;fill:none}}
.band{{fill:var(--band)}}
.whisker{{stroke-width:2;fill:none}} .cross{{stroke-width:2.6;fill:none}}
.course{{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-opacity:.85;
stroke-linecap:round}} .course.dot1{{stroke-width:7}}
.course.thin{{stroke-width:1;stroke-opacity:.45}}
.way{{fill:none;stroke-width:1.4;stroke-opacity:.75}}
.keys{{display:flex;flex-wrap:wrap;gap:4px 18px;font-size:.9rem;margin:.2em 0 .6em}}
.keys i{{display:inline-block;width:14px;height:14px;border-radius:4px;margin-right:6px;
vertical-align:-2px}}
{_CLASSES}
.chart .hollow{{fill:var(--paper);stroke-width:2}} .l-rule{{stroke:var(--soft);stroke-opacity:.35}}
.chart text.t-good{{fill:var(--good)}} .chart text.t-bad{{fill:var(--bad)}}
.chart text.t-same{{fill:var(--same)}} .chart text.t-unsure{{fill:var(--unsure)}}
.tiles{{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(var(--size),30%),1fr));
gap:10px;max-width:100%}}
.tile{{margin:0;break-inside:avoid;max-width:220px}}
.tile svg{{display:block;width:100%;height:auto;border-radius:6px;overflow:hidden;
outline:1px solid var(--rule)}}
.tile figcaption{{font-size:.8rem;line-height:1.3;color:var(--soft);margin-top:3px}}
.rim{{stroke:#14181d;stroke-width:3.4;stroke-linecap:round}}
.dot{{stroke-width:2.4;stroke-linecap:round}}
.truth{{stroke:#ffffff;stroke-width:1.3;stroke-linecap:round}}
.error{{stroke:#ffffff;stroke-width:.7;stroke-opacity:.9;fill:none}}
.spread{{fill:#ffffff33;stroke:#ffffff;stroke-width:.5}}
.p-eyebrow{{stroke:#e69f00}} .p-eye{{stroke:#56b4e9}}
.p-nose{{stroke:#16c79a}} .p-mouth{{stroke:#e48fc2}}
.transforms{{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(480px,100%),1fr));
gap:18px 26px}}
.transforms h4{{margin:0;font-size:.98rem}} .transforms p{{margin:.1em 0 .5em;font-size:.9rem;
color:var(--soft)}}
.transforms>div{{break-inside:avoid}} .transforms .tiles{{grid-template-columns:repeat(4,1fr)}}
.option{{white-space:nowrap}}
dl{{display:grid;grid-template-columns:minmax(110px,max-content) 1fr;gap:6px 18px}}
dt{{font-weight:600}} dd{{margin:0}}
.pair{{display:grid;grid-template-columns:minmax(180px,330px) minmax(0,1fr);gap:24px;
align-items:center}}
.pair .tiles{{grid-template-columns:1fr}} .pair .tile{{max-width:330px}}
.pair .wide .chart{{max-width:none !important}}
footer{{color:var(--soft);padding-bottom:40px;margin-top:40px}}
@media (max-width:719px){{
.pair{{display:block}}
.wide{{display:none}} .narrow{{display:block}}
main,header,footer{{padding-left:16px;padding-right:16px}}
.narrow .chart{{max-width:460px !important}}
table{{font-size:.82rem}} th,td{{padding-right:.6em}} th{{white-space:normal}}
td.word{{min-width:6em}}
dl{{grid-template-columns:1fr;gap:0}} dd{{margin:0 0 10px}}
}}
@media print{{
:root{{color-scheme:light;{_LIGHT}}}
.transforms{{grid-template-columns:1fr 1fr}}
body{{font-size:11pt}} nav{{display:none}} main,header,footer{{max-width:none;padding:0}}
.wide{{display:block}} .narrow{{display:none}}
.pair{{display:block}} .pair .tile{{max-width:240px;margin-bottom:14px}}
.table{{overflow:visible}} td,th{{white-space:normal}}
details>summary{{list-style:none}} details{{border:0;padding:0}}
details::details-content{{content-visibility:visible;display:block;height:auto;opacity:1}}
h2,h3,summary{{break-after:avoid}} details{{break-inside:avoid}}
a{{color:inherit;text-decoration:none}}
}}
</style>"""
"""The one style sheet; colours are variables with a value a scheme."""
