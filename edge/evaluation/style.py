"""The style sheet of the report: light, dark and print. Colours of series are those of Okabe and Ito (2008)."""

from __future__ import annotations

from typing import Final

_SERIES: Final = (
    ("#000000", "#f2f2f2", "none"),
    ("#0072b2", "#56b4e9", "none"),
    ("#d55e00", "#f0803c", "8 3"),
    ("#00785a", "#2fc79b", "2 3"),
    ("#b0508c", "#e59ac6", "8 3 2 3"),
    ("#946200", "#e69f00", "4 2"),
    ("#3f6fa8", "#8fb4e8", "12 3"),
    ("#6b6b00", "#f0e442", "1 4"),
)
_LIGHT: Final = (
    "--back:#fff;--card:#f5f7f9;--ink:#1b2026;--soft:#56606b;--rule:#d5dbe1;--accent:#0b5c8a;--good:#0072b2;--bad:#c04a00;"
    + "".join(f"--s{number}:{light};" for number, (light, _, _) in enumerate(_SERIES))
)
_DARK: Final = (
    "--back:#14181c;--card:#1d232a;--ink:#e8ecf0;--soft:#a3adb8;--rule:#38424d;--accent:#6cc0ee;--good:#56b4e9;--bad:#f0803c;"
    + "".join(f"--s{number}:{dark};" for number, (_, dark, _) in enumerate(_SERIES))
)

STYLE: Final = (
    f":root{{color-scheme:light dark;{_LIGHT}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{_DARK}}}}}"
    """
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);
font:1rem/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:66rem;margin:0 auto;padding:2rem 1.5rem 4rem}
.brand{margin:0;color:var(--accent);font-weight:700;letter-spacing:.08em;text-transform:uppercase;font-size:.85rem}
h1{margin:.1rem 0 1rem;font-size:1.9rem;line-height:1.2}
h2{margin:2.6rem 0 .8rem;padding-bottom:.3rem;border-bottom:2px solid var(--rule);font-size:1.3rem}
h3{margin:1.6rem 0 .5rem;font-size:1.02rem}
p{margin:.6rem 0;max-width:48rem}
section p{color:var(--soft)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(14rem,1fr));gap:.6rem 1.5rem;margin:0}
.facts div{min-width:0}
dt{color:var(--soft);font-size:.82rem}
dd{margin:0;overflow-wrap:anywhere}
.note{margin-top:1.2rem;padding:.6rem .9rem;border-left:4px solid var(--accent);background:var(--card);max-width:none}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(13rem,1fr));gap:1rem}
.tile{padding:.9rem 1rem;background:var(--card);border:1px solid var(--rule);border-radius:.5rem;min-width:0}
.tile h3{margin:0;color:var(--soft);font-size:.85rem;font-weight:600}
.tile p{margin:0;font-size:.85rem;overflow-wrap:anywhere}
.tile .big{color:var(--ink);font-size:2.1rem;font-weight:650;line-height:1.25;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto;margin:.8rem 0}
table{border-collapse:collapse;width:100%;font-size:.86rem}
th,td{padding:.38rem .7rem;text-align:left;vertical-align:top;
border-bottom:1px solid var(--rule)}
.long{overflow-wrap:anywhere;min-width:12rem}
th{color:var(--soft);font-weight:600;border-bottom-width:2px}
.number{text-align:right;font-variant-numeric:tabular-nums}
figure{margin:1rem 0;padding:1rem;background:var(--card);border:1px solid var(--rule);border-radius:.5rem}
figcaption{margin:0 0 .6rem;font-weight:600;font-size:.95rem}
.legend{margin:.4rem 0 0;font-size:.85rem;max-width:none}
svg{display:block;width:100%;height:auto;font-size:12px}
text{fill:var(--ink)}
text.tick{fill:var(--soft);font-size:11px}
text.axis{fill:var(--soft)}
text.value{font-variant-numeric:tabular-nums}
.grid{stroke:var(--rule);stroke-width:1}
.frame{fill:none;stroke:var(--soft);stroke-width:1}
.diagonal{stroke:var(--soft);stroke-width:1;stroke-dasharray:2 4}
.whisker{stroke:var(--ink);stroke-width:1.5}
.subjects{stroke:var(--accent);stroke-width:5;stroke-linecap:round;opacity:.75}
.point{fill:var(--ink)}
.threshold{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 3}
.bar.bonafide{fill:var(--good)}
.bar.attack{fill:var(--bad)}
.line{fill:none;stroke-width:2}
.dot{stroke:var(--back);stroke-width:1.5}
.dot.key{fill:var(--soft)}
.swatch{display:inline-block;width:2.2rem;margin:0 .3rem 0 .8rem;vertical-align:middle;
border-top:2px solid var(--ink)}
.swatch.subjects{border-top:5px solid var(--accent)}
@media print{html{font-size:10.5px}main{max-width:none;padding:0}figure,.tile,tr{break-inside:avoid}
h2,h3{break-after:avoid}
.scroll{overflow:visible}}
"""
    + "".join(
        f".line.s{number}{{stroke:var(--s{number});stroke-dasharray:{dashes}}}.dot.s{number}{{fill:var(--s{number})}}"
        for number, (_, _, dashes) in enumerate(_SERIES)
    )
)
