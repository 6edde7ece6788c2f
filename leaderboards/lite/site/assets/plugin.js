// One component: what its plugin says of it, its rows in the boards, its cells.
"use strict";
(() => {
  const page = document.getElementById("plugin");

  function show() {
    const found = labels.get(fragment());
    delete document.documentElement.dataset.ready;
    page.replaceChildren();
    if (found) describe(found);
    else list();
    document.documentElement.dataset.ready = "yes";
  }

  function list() {
    page.append(element("h1", {}, fragment() ? "No such component" : "Components"));
    for (const axis of AXES) {
      const of = site.components.filter((component) => component.axis === axis && !component.none);
      page.append(element("h2", {}, axis === "dataset" ? "data sets" : `${axis}s`),
        element("ul", {}, ...of.map((component) => element("li", {}, componentLink(component)))));
    }
  }

  function describe(component) {
    const { about, axis, label } = component;
    const words = (name) => (about ? about[name].join(", ") : "");
    document.title = `${label} · recbench`;
    page.append(
      element("p", { class: "over" }, axis === "dataset" ? "data set" : axis),
      element("h1", {}, label),
      element("p", { class: "lead" }, about ? about.summary : "No installed plugin offers it any more: only what the cells say of it is known."),
      definitions([
        ["source", about ? about.reference : ""],
        ["family", about ? about.family : ""],
        ["version", component.version],
        ["installed now", about && about.version !== component.version ? `version ${about.version}` : ""],
        ["provides", words("provides")],
        ["needs of the data", words("requires_data")],
        ["needs of a victim", words("requires_recommender")],
        ["knows", axis === "attacker" ? words("knowledge") || "nothing but the catalogue" : ""],
        ["goals", axis === "attacker" ? words("goals") : ""],
        ["code", about ? element("code", {}, about.factory) : ""],
        ...Object.entries(component.params).map(([name, value]) => [name, element("code", {}, JSON.stringify(value))]),
      ]),
    );
    for (const made of recbench.boards) {
      const place = made.columns.findIndex((column) => column.heading === axis);
      const rows = made.sections.flatMap(({ heading, rows }) =>
        rows.filter((row) => row[place] === label).map((row) => [heading, ...row]));
      if (place < 0 || !rows.length) continue;
      page.append(element("h2", {}, made.title));
      const placed = { ...made, columns: [{ heading: "where", words: true }, ...made.columns] };
      board(placed, rows, label, page);
    }
    const number = site.components.indexOf(component);
    const lines = recbench.cells.filter((line) => line[1 + AXES.indexOf(axis)] === number);
    page.append(element("h2", {}, `${lines.length.toLocaleString("en")} cells`));
    cellTable(lines, page, 50);
  }

  addEventListener("hashchange", show);
  show();
})();
