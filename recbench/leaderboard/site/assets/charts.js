// Charts by Observable Plot, as SVG: colours are the style sheet's variables, so both themes need no drawing anew.
"use strict";
const CLASS = "chart"; // Plot's own style element is allowed by its hash, which holds this name
const SERIES = ["var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)", "var(--s5)", "var(--s6)", "var(--s7)", "var(--s8)"];

/** A chart with its caption, and its numbers as a table for those who cannot see it. draw(width) makes the SVG. */
function chartFigure(title, note, draw, headings, rows) {
  const holder = element("div", { class: "drawing" });
  const cells = (row, tag) => row.map((text, place) => element(tag, { class: place ? "figure" : "words" }, text));
  const numbers = element("details", {}, element("summary", {}, "The numbers"), element("div", { class: "wide" },
    element("table", { "aria-label": title }, element("thead", {}, element("tr", {}, ...cells(headings, "th"))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...cells(row, "td")))))));
  let drawn = 0;
  new ResizeObserver(() => {
    const width = Math.floor(holder.clientWidth);
    if (!width || width === drawn) return;
    drawn = width;
    const picture = draw(width);
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", `${title}. ${note} The numbers are in the table below.`);
    holder.replaceChildren(picture);
  }).observe(holder);
  return element("figure", {}, element("figcaption", {}, element("strong", {}, title), " ", note), holder, numbers);
}

function drawCharts(into, chart, heading) {
  const made = [];
  if (chart.scatter.length) made.push(scatterChart(chart, heading));
  if (chart.heat.victims.length && chart.heat.attackers.length) made.push(heatMap(chart, heading));
  if (chart.curves.length) made.push(budgetCurves(chart));
  into.replaceChildren(...made);
}

// Whether a label goes to the left of its point: away from the nearest other point, and not out of the frame.
function leftward(point, points) {
  const [from, to] = d3.extent(points, (each) => each.utility);
  const place = (point.utility - from) / (to - from || 1);
  const others = points.filter((each) => each !== point);
  const nearest = d3.least(others, (each) => Math.abs(each.utility - point.utility));
  return place > 0.75 || (place >= 0.25 && nearest !== undefined && nearest.utility > point.utility);
}

function scatterChart({ scatter, floor }, heading) {
  const { name, unit } = site.effect;
  const front = scatter.filter((point) => point.front).sort((a, b) => a.utility - b.utility);
  const colour = (point) => (point.front ? "var(--accent)" : "var(--quiet)");
  const draw = (width) => {
    const labelled = scatter.length <= 12 ? scatter : front;
    const texts = (points, anchor, dx) => Plot.text(points, { x: "utility", y: "gain", text: "label", textAnchor: anchor, dx, dy: -9, fill: "currentColor" });
    return Plot.plot({
      className: CLASS, width, height: Math.min(360, Math.max(280, width * 0.62)), marginLeft: 46, marginRight: 22, marginBottom: 48, marginTop: 26,
      x: { label: "NDCG@10 without an attack (right is better)", labelAnchor: "center", labelArrow: "none", inset: 24, ticks: 5 },
      y: { label: `worst ${name}, ${unit} (up is better)`, labelArrow: "none", reverse: true, inset: 14, grid: true, ticks: 6, tickFormat: "+.2~f" },
      marks: [
        Plot.ruleY([0], { stroke: "var(--line)" }),
        floor ? Plot.rectY([0], { y1: -floor, y2: floor, fill: "var(--quiet)", fillOpacity: 0.12 }) : null,
        Plot.line(front, { x: "utility", y: "gain", stroke: "var(--accent)", strokeWidth: 1.5, strokeDasharray: "4 3" }),
        Plot.ruleX(scatter.filter((point) => point.low !== null), { x: "utility", y1: "low", y2: "high", stroke: colour, strokeWidth: 2, strokeOpacity: 0.55 }),
        Plot.dot(scatter, { x: "utility", y: "gain", r: 4.5, fill: (point) => (point.ranked ? colour(point) : "var(--paper)"), stroke: colour, strokeWidth: 1.5 }),
        texts(labelled.filter((point) => !leftward(point, scatter)), "start", 9),
        texts(labelled.filter((point) => leftward(point, scatter)), "end", -9),
        Plot.tip(scatter, Plot.pointer({ x: "utility", y: "gain", fill: "var(--paper)", stroke: "var(--line)",
          title: (point) => `${point.label}\nNDCG@10 ${figure(point.utility)}\nworst ${name} ${figure(point.gain, 3, true)}` })),
      ],
    });
  };
  return chartFigure("Utility against robustness", `${heading}. Bars are 95% intervals; the dashed line joins the Pareto front: nobody else is better in both. Hollow points are not ranked.`,
    draw, ["recommender", "NDCG@10", `worst ${name}`, "95% interval", "front"],
    scatter.map((point) => [point.label, figure(point.utility), figure(point.gain, 3, true),
      point.low === null ? "n/a" : `[${figure(point.low, 3, true)}, ${figure(point.high, 3, true)}]`, point.front === null ? "n/a" : point.front ? "yes" : "no"]));
}

function heatMap({ heat }, heading) {
  const { name, unit } = site.effect;
  const points = heat.attackers.flatMap((attacker, row) => heat.victims.map((victim, column) => ({ attacker, victim, value: heat.values[row][column] })));
  const most = d3.max(points, (point) => Math.abs(point.value ?? 0)) || 1;
  const strength = (point) => (point.value === null ? 0 : 0.06 + 0.84 * (Math.abs(point.value) / most));
  const longest = (texts) => Math.max(...texts.map((text) => text.length));
  const draw = (width) => {
    const left = Math.min(190, 14 + 6.4 * longest(heat.attackers));
    const room = (width - left - 10) / heat.victims.length;
    const upright = room < 6.4 * longest(heat.victims) + 6;
    const top = upright ? Math.min(150, 16 + 4.8 * longest(heat.victims)) : 30;
    return Plot.plot({
      className: CLASS, width: Math.max(width, left + 10 + 26 * heat.victims.length), height: top + 12 + Math.max(24, Math.min(38, 300 / heat.attackers.length)) * heat.attackers.length,
      marginLeft: left, marginTop: top, marginBottom: 4, marginRight: upright ? 40 : 10,
      x: { domain: heat.victims, axis: "top", label: null, tickSize: 0, tickRotate: upright ? -45 : 0, padding: 0.04 },
      y: { domain: heat.attackers, label: null, tickSize: 0, padding: 0.06 },
      marks: [
        Plot.cell(points, { x: "victim", y: "attacker", fill: "var(--sunk)", rx: 3 }),
        Plot.cell(points.filter((point) => point.value !== null), { x: "victim", y: "attacker", rx: 3, fillOpacity: { value: strength, scale: null },
          fill: (point) => (point.value < 0 ? "var(--accent)" : "var(--harm)"),
          title: (point) => `${point.attacker} on ${point.victim}: ${figure(point.value, 3, true)} ${unit}` }),
        room < 34 ? null : Plot.text(points, { x: "victim", y: "attacker", text: (point) => (point.value === null ? "×" : figure(point.value, 2, true)),
          fill: (point) => (strength(point) > 0.78 ? "var(--on-strong)" : "currentColor") }),
      ],
    });
  };
  return chartFigure("Attackers against victims", `${heading}. Mean ${name} in ${unit} of each attack on each undefended recommender: the deeper, the more it moves its targets. ×: not ok on all units.`,
    draw, ["attacker", ...heat.victims], heat.attackers.map((attacker, row) => [attacker, ...heat.values[row].map((value) => figure(value, 3, true))]));
}

function budgetCurves({ curves }) {
  const { name, unit } = site.effect;
  const names = [...new Set(curves.map((point) => point.label))];
  const colour = (point) => SERIES[names.indexOf(point.label) % SERIES.length];
  const draw = (width) => Plot.plot({
    className: CLASS, width, height: Math.min(380, Math.max(280, width * 0.6)), marginLeft: 46, marginRight: Math.min(150, 14 + 6.4 * Math.max(...names.map((each) => each.length))), marginBottom: 48, marginTop: 26,
    x: { label: "attack size, %", labelAnchor: "center", labelArrow: "none", ticks: [...new Set(curves.map((point) => 100 * point.size))], tickFormat: "~g" },
    y: { label: `mean ${name}, ${unit}`, labelArrow: "none", grid: true, ticks: 6 },
    marks: [
      Plot.ruleY([0], { stroke: "var(--line)" }),
      Plot.areaY(curves.filter((point) => point.low !== null), { x: (point) => 100 * point.size, y1: "low", y2: "high", z: "label", fill: colour, fillOpacity: 0.12 }),
      Plot.lineY(curves, { x: (point) => 100 * point.size, y: "gain", z: "label", stroke: colour, strokeWidth: 1.8 }),
      Plot.dot(curves, { x: (point) => 100 * point.size, y: "gain", fill: colour, r: 3 }),
      Plot.text(curves, Plot.selectLast({ x: (point) => 100 * point.size, y: "gain", z: "label", text: "label", textAnchor: "start", dx: 8, fill: "currentColor" })),
    ],
  });
  return chartFigure("Effect by budget", `Mean ${name} of each attack over its victims on this data set, by the share of fake users. Bands are 95% intervals.`,
    draw, ["attacker", "size", name, "95% interval"], curves.map((point) => [point.label, sized(point.size), figure(point.gain, 3, true),
      point.low === null ? "n/a" : `[${figure(point.low, 3, true)}, ${figure(point.high, 3, true)}]`]));
}

function explainCell(page, explained) {
  const { influence, parts, genuine, fakes, users } = explained;
  const bars = influence.map((value, number) => ({ part: String(number + 1), value, profiles: parts[number] }));
  const names = (count) => `${count} profile${count === 1 ? "" : "s"}`;
  page.append(element("section", {}, element("h2", {}, "Why it worked"), element("div", { class: "charts" },
    chartFigure("Which fakes moved the targets", "The victim was trained once without each part of the profiles: bits of rank gain that are lost then.",
      (width) => Plot.plot({
        className: CLASS, width, height: 260, marginLeft: 46, marginTop: 26, x: { label: "part of the profiles", labelArrow: "none", labelAnchor: "center", domain: bars.map((bar) => bar.part) }, y: { label: "bits lost without it", labelArrow: "none", grid: true, ticks: 5 },
        marks: [Plot.barY(bars, { x: "part", y: "value", fill: "var(--harm)", rx: 2, inset: 1, title: (bar) => `${names(bar.profiles)}: ${figure(bar.value, 3, true)} bits` }), Plot.ruleY([0])],
      }), ["part", "profiles", "bits"], bars.map((bar) => [bar.part, String(bar.profiles), figure(bar.value, 3, true)])),
    chartFigure("Where they stand among the users", `Users on the two principal axes of everybody's items: ${fakes.length} fakes (crosses) and ${genuine.length.toLocaleString("en")} of ${users.toLocaleString("en")} genuine users (dots).`,
      (width) => Plot.plot({
        className: CLASS, width, height: 260, marginLeft: 46, marginTop: 26, x: { label: "first axis", labelArrow: "none", labelAnchor: "center", ticks: 5 }, y: { label: "second axis", labelArrow: "none", ticks: 5 },
        marks: [Plot.dot(genuine, { x: "0", y: "1", r: 1.6, fill: "var(--quiet)", fillOpacity: 0.6 }), Plot.dot(fakes, { x: "0", y: "1", r: 4, symbol: "times", stroke: "var(--harm)", strokeWidth: 1.6 })],
      }), ["fake", "first axis", "second axis"], fakes.map(([x, y], number) => [String(number + 1), figure(x), figure(y)])))));
}

function showVerdicts(page, seen) {
  const total = (counts) => d3.sum(counts);
  const verdicts = seen.map((verdict) => ({ ...verdict, label: site.components[verdict.defense].label, bins: verdict.kept.length }));
  const bars = verdicts.flatMap(({ label, kept, removed, bins }) => [["removed", removed], ["kept", kept]].flatMap(([fate, counts]) =>
    counts.map((count, bin) => ({ label, fate, count, from: bin / bins, to: (bin + 1) / bins })).filter(({ count }) => count)));
  const chance = verdicts.map(({ label, kept, removed, bins }) => ({ label, level: (total(kept) + total(removed)) / bins }));
  const share = (part, whole) => `${part} of ${whole}${whole ? `, ${figure((100 * part) / whole, 1)}%` : ""}`;
  const upper = ({ kept, removed, bins }) => total(kept.slice(-bins / 10)) + total(removed.slice(-bins / 10));
  const draw = (width) => Plot.plot({
    className: CLASS, width, height: 80 + 120 * verdicts.length, marginLeft: 46, marginTop: 26, marginRight: 16, marginBottom: 40,
    fy: { label: null, axis: null, domain: verdicts.map(({ label }) => label), padding: 0.28 },
    x: { label: "share of genuine users who are less suspicious", labelArrow: "none", labelAnchor: "center", domain: [0, 1], percent: false, ticks: 5 },
    y: { label: "fakes", labelArrow: "none", grid: true, ticks: 3 },
    color: { domain: ["removed", "kept"], range: ["var(--accent)", "var(--harm)"] },
    marks: [
      Plot.rectY(bars, { fy: "label", x1: "from", x2: "to", y: "count", fill: "fate", inset: 0.5, title: ({ count, fate, from, to }) => `${count} ${fate}, above ${figure(100 * from, 0)}% to ${figure(100 * to, 0)}% of the genuine users` }),
      Plot.ruleY(chance, { fy: "label", y: "level", stroke: "currentColor", strokeDasharray: "3 3" }),
      Plot.text(verdicts, { fy: "label", text: "label", frameAnchor: "top-left", dx: 4, dy: -14, fontWeight: 600, fill: "currentColor" }),
      Plot.ruleY([0]),
    ],
  });
  page.append(element("section", {}, element("h2", {}, "What the defenses saw"), element("div", { class: "charts" },
    chartFigure("Where the fakes stand in the order of suspicion", "To the right of most genuine users is found out; the dashed line is chance. Removed fakes in blue, kept ones in red.",
      draw, ["defense", "fakes removed", "genuine users removed", "fakes above 90% of the genuine users"],
      verdicts.map((verdict) => [verdict.label,
        verdict.lost === null ? "n/a" : share(total(verdict.removed), total(verdict.removed) + total(verdict.kept)),
        verdict.lost === null ? "n/a" : share(verdict.lost, verdict.genuine),
        share(upper(verdict), total(verdict.removed) + total(verdict.kept))])))));
}
