/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/traffic_style.h
 * The stylesheet of reports. Curves have the colours of Okabe and Ito, which people with any colour
 * vision tell apart, the yellow left out; the widths of dashes differ as well.
 */
#ifndef ATOLL_TRAFFIC_STYLE_H
#define ATOLL_TRAFFIC_STYLE_H

#define TRAFFIC_STYLE                                                                              \
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1b1f24;--dim:#5c6670;--line:#d8dee4;"           \
    "--card:#f5f7f9;--bar:0,114,178;--all:#c9d1d9;--bad:#b3261e;--c0:#0072b2;--c1:#d55e00;"        \
    "--c2:#009e73;--c3:#cc79a7;--c4:#56b4e9;--c5:#8a6d00}\n"                                       \
    "@media(prefers-color-scheme:dark){:root{--bg:#14181d;--fg:#e6eaee;--dim:#9aa5b1;"             \
    "--line:#303842;--card:#1d232a;--bar:86,180,233;--all:#3d4854;--bad:#ff8a80;--c0:#56a9e0;"     \
    "--c1:#ff8c42;--c2:#2fc79a;--c3:#e39cc4;--c4:#9ad4f7;--c5:#e0c341}}\n"                         \
    "*{box-sizing:border-box}\n"                                                                   \
    "body{margin:0 auto;max-width:72rem;padding:1.5rem 1rem 3rem;background:var(--bg);"            \
    "color:var(--fg);font:15px/1.45 system-ui,sans-serif}\n"                                       \
    "h1{font-size:1.6rem;margin:0}h2{font-size:1.15rem;margin:2.2rem 0 .3rem}\n"                   \
    "p{margin:.3rem 0 .6rem}.note{color:var(--dim);font-size:.87rem;max-width:46rem}\n"            \
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;"     \
    "margin:1.2rem 0}\n"                                                                           \
    ".tiles div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;"          \
    "padding:.6rem .8rem}.tiles b{display:block;font-size:1.3rem;font-weight:600}\n"               \
    ".tiles span{color:var(--dim);font-size:.85rem}.tiles .bad b{color:var(--bad)}\n"              \
    ".wide{overflow-x:auto}svg{display:block;width:100%;min-width:34rem;height:auto}\n"            \
    "svg text{fill:var(--dim);font-size:12.5px}.grid{stroke:var(--line)}\n"                        \
    "path.all{fill:var(--all);opacity:.6}.curve{fill:none;stroke-width:2.2;"                       \
    "stroke-linejoin:round}\n"                                                                     \
    ".curve.c0{stroke:var(--c0)}.curve.c1{stroke:var(--c1);stroke-dasharray:9 3}"                  \
    ".curve.c2{stroke:var(--c2)}.curve.c3{stroke:var(--c3);stroke-dasharray:3 2}"                  \
    ".curve.c4{stroke:var(--c4)}.curve.c5{stroke:var(--c5);stroke-dasharray:12 3 3 3}\n"           \
    ".legend{display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;list-style:none;margin:.5rem 0;"         \
    "padding:0;font-size:.9rem}.legend li{overflow-wrap:anywhere}\n"                               \
    ".legend i{display:inline-block;width:1.5rem;height:.32rem;border-radius:2px;"                 \
    "margin-right:.45rem;vertical-align:middle}i.all{background:var(--all);"                       \
    "height:.8rem!important}i.c0{background:var(--c0)}i.c1{background:repeating-linear-gradient("  \
    "90deg,var(--c1) 0 9px,transparent 9px 12px)}i.c2{background:var(--c2)}"                       \
    "i.c3{background:repeating-linear-gradient(90deg,var(--c3) 0 3px,transparent 3px 5px)}"        \
    "i.c4{background:var(--c4)}i.c5{background:repeating-linear-gradient(90deg,var(--c5) 0 12px,"  \
    "transparent 12px 15px,var(--c5) 15px 18px,transparent 18px 21px)}\n"                          \
    "table{border-collapse:collapse;width:100%;font-size:.9rem}\n"                                 \
    "th,td{padding:.28rem .6rem;text-align:left;border-bottom:1px solid var(--line);"              \
    "vertical-align:top}th{color:var(--dim);font-weight:600}\n"                                    \
    "td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\n"           \
    "td.s{overflow-wrap:anywhere;min-width:8rem}td.w{white-space:nowrap}\n"                        \
    "td.bar{width:30%;min-width:5rem}td.bar i{display:block;height:.8rem;margin-top:.25rem;"       \
    "min-width:1px;border-radius:2px;background:rgb(var(--bar))}\n"                                \
    ".columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));"    \
    "gap:0 2rem}.columns>*{min-width:0}\n"                                                         \
    ".matrix{width:auto}.matrix td{text-align:right;white-space:nowrap;min-width:4.6rem;"          \
    "font-variant-numeric:tabular-nums}.matrix th{overflow-wrap:anywhere;min-width:4.6rem}"        \
    ".matrix tr>th:first-child{min-width:9rem;max-width:19rem;text-align:left}.matrix thead "      \
    "th{text-align:right;"                                                                         \
    "vertical-align:bottom;max-width:8rem}\n"                                                      \
    ".bad{color:var(--bad);font-weight:600}footer{margin-top:2.5rem;color:var(--dim);"             \
    "font-size:.85rem}\n"                                                                          \
    "@media(max-width:36rem){body{padding:1rem .7rem 2rem}h1{font-size:1.35rem}"                   \
    "th,td{padding:.25rem .4rem}}\n"                                                               \
    "@media print{:root{--bg:#fff;--fg:#000;--dim:#444;--line:#bbb;--card:#fff;--all:#ddd;"        \
    "--bar:0,114,178;--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#56b4e9;"            \
    "--c5:#8a6d00}body{max-width:none;padding:0;font-size:11px}svg{min-width:0}"                   \
    "section,tr,.tiles div{break-inside:avoid}*{print-color-adjust:exact;"                         \
    "-webkit-print-color-adjust:exact}}\n"

#endif
