// One cell: what was asked, what came of it, and how to ask again.
"use strict";
(() => {
  const page = document.getElementById("cell");
  const details = recbench.details;

  async function show() {
    const id = fragment();
    delete document.documentElement.dataset.ready;
    let cell = null;
    try {
      if (/^[0-9a-z][0-9a-z._-]*$/.test(id)) cell = (await load(`shard-${id.slice(0, site.shard)}`))[id] ?? null;
    } catch {
      // no shard, no cell
    }
    if (id !== fragment()) return; // another one was asked for meanwhile
    page.replaceChildren();
    if (cell) describe(id, cell);
    else page.append(element("h1", {}, "No such cell"),
      element("p", {}, "This site has no cell of that name. ", element("a", { href: "cells.html" }, "All cells")));
    document.documentElement.dataset.ready = "yes";
  }

  function part(title, ...children) {
    return element("section", {}, element("h2", {}, title), ...children);
  }

  function plainTable(name, headings, rows) {
    return element("div", { class: "table wide" }, element("table", { "aria-label": name },
      element("thead", {}, element("tr", {}, ...headings.map((heading, place) =>
        element("th", { scope: "col", class: place ? "figure" : "words" }, heading)))),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map((text, place) =>
        element("td", { class: place ? "figure" : "words" }, text)))))));
  }

  function describe(id, cell) {
    const [dataset, recommender, attacker, defense] = cell.axes.map((number) => site.components[number]);
    const [size, seed, group, replica] = cell.place;
    const unknown = cell.axes.map((number) => site.components[number]).filter(({ about, none }) => !about && !none).map(({ label }) => label);
    const attack = attacker.none ? "without an attack" : "under ";
    const title = element("h1", {}, componentLink(recommender), " on ", componentLink(dataset), ", ", attack);
    if (!attacker.none) title.append(componentLink(attacker));
    title.append(", ", defense.none ? "undefended" : "defended by ");
    if (!defense.none) title.append(componentLink(defense));
    document.title = `${id} · recbench`;
    page.append(
      element("p", { class: "over" }, "cell ", element("code", {}, id)),
      title,
      element("p", { class: `status ${cell.status === "ok" ? "good" : "bad"}` }, element("strong", {}, cell.status),
        cell.stage ? ` in ${cell.stage}` : "", cell.reason ? `: ${cell.reason}` : ""),
    );
    page.append(element("div", { class: "columns" },
      part("Question", question(cell, { size, seed, group, replica })),
      part("Parameters", ...parameters(cell)),
    ));
    page.append(part("Compute it again",
      element("pre", { class: "command", tabindex: "0" }, element("code", {}, cell.command)),
      element("p", { class: "quiet" }, "It computes the clean runs that the cell is compared with as well",
        seed ? ", and the split seeds before it." : ".",
        unknown.length ? ` No installed plugin offers ${unknown.join(", ")}: what came from a file is named by the path of that file.` : "")));
    if (cell.log) page.append(part("End of the log", element("pre", { class: "log", tabindex: "0" }, cell.log)));
    const costs = Object.entries(cell.cost).map(([stage, cost]) =>
      [stage, figure(cost.cpu_seconds, 2), figure(cost.wall_seconds, 2), cost.peak_bytes ? figure(cost.peak_bytes / 1e6, 0) : "n/a"]);
    const poison = cell.poison && element("p", {},
      element("a", { href: `poison/${encodeURIComponent(cell.poison)}`, download: true }, cell.poison),
      " holds the fake profiles: arrays indptr and items, and ratings on an explicit track.");
    if (cell.explained) explainCell(page, cell.explained);
    if (cell.seen?.length) showVerdicts(page, cell.seen);
    page.append(element("div", { class: "columns" },
      cell.metrics.length ? part("Metrics", metrics(cell)) : null,
      element("div", {},
        costs.length ? part("Cost", plainTable("Cost", ["stage", "CPU s", "wall s", "peak MB"], costs)) : null,
        poison ? part("Poison", poison) : null,
        part("Environment", surroundings(cell)))));
  }

  function question(cell, { size, seed, group, replica }) {
    const { split, targets, ...protocol } = details.protocols[cell.protocol];
    return definitions([
      ["attack size", size ? sized(size) : "0"],
      ["split seed", String(seed)],
      ["target group", String(group)],
      ["replica", replica ? `${replica}: an A/A twin, other in the order of users alone` : ""],
      ...Object.entries(protocol).filter(([, value]) => value !== null).map(([name, value]) =>
        [name.replaceAll("_", " "), typeof value === "string" ? value : JSON.stringify(value)]),
      ["split", split ? `${split.kind}${split.shares ? ` ${split.shares.join(" / ")}` : ""}` : ""],
      ["targets", targets ? `${targets.count} of the ${sized(targets.fraction)} ${targets.strategy} items` : ""],
    ]);
  }

  function parameters(cell) {
    const used = cell.axes.map((number) => site.components[number]).filter((component) => !component.none);
    return used.map((component) => element("div", {}, element("h3", {}, component.label, element("span", { class: "quiet" }, ` version ${component.version}`)),
      definitions(Object.entries(component.params).map(([name, value]) => [name, element("code", {}, JSON.stringify(value))]))));
  }

  function metrics(cell) {
    const holder = element("div", {});
    const columns = [
      { heading: "metric", words: true, value: ([number]) => details.metrics[number], show: ([number]) => details.metrics[number] },
      { heading: "value", words: false, value: ([, value]) => value, show: ([, value]) => figure(value, 5) },
    ];
    sortable(columns, cell.metrics, { into: holder, name: "Metrics", page: 400 });
    return holder;
  }

  function surroundings(cell) {
    const { packages = {}, git, ...known } = { ...details.environment, ...cell.machine };
    const rows = Object.entries(known).filter(([, value]) => value !== null).map(([name, value]) =>
      [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
    const holder = element("div", {}, definitions([
      ...rows,
      ["commit", git ? `${git.commit}${git.dirty ? ", with changes" : ""}` : ""],
      ["build", cell.build],
    ]));
    const names = Object.entries(packages);
    if (names.length) holder.append(element("details", {}, element("summary", {}, `${names.length} packages`),
      element("p", { class: "packages" }, names.map(([name, version]) => `${name} ${version}`).join(", "))));
    return holder;
  }

  addEventListener("hashchange", show);
  show();
})();
