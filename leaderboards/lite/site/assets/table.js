// Tables by DataTables: sorted by their headers, filtered by a word.
"use strict";
DataTable.defaults.column.orderSequence = ["asc", "desc"];
Object.assign(DataTable.ext.type.order, {
  // What is absent stands last, whichever way round.
  "figure-asc": (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a - b),
  "figure-desc": (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : b - a),
});

// The first number of a text such as "+0.312", "12%", "[0.1, 0.2]", "2–3"; null where there is none.
function numberIn(text) {
  const found = /[-+−]?\d[\d,]*(\.\d+)?(e[-+]?\d+)?/i.exec(text);
  return found ? Number(found[0].replace(/,/g, "").replace("−", "-")) : null;
}

/**
 * A table with a box to filter it.
 *
 * columns: { heading, words, name, value(row), show(row), text(row) }: `name` stays in sight when a narrow screen is
 * scrolled; what is sorted by, the node or text that is shown, and what is filtered by where that is not the value.
 * options: name; order, as DataTables takes it; page, how many rows at once; open(row), where a row leads.
 */
function sortable(columns, rows, options) {
  const head = element("tr", {}, ...columns.map((column) =>
    element("th", { scope: "col", class: column.words ? "words" : "figure" }, column.heading)));
  const table = element("table", { "aria-label": options.name }, element("thead", {}, head));
  const holder = element("div", { class: "table" }, table);
  options.into.append(holder);
  const paged = rows.length > options.page;
  const api = new DataTable(table, {
    data: rows,
    autoWidth: false,
    order: options.order ?? [],
    paging: paged,
    pageLength: options.page,
    layout: {
      topStart: rows.length > 1 ? { search: { text: "Filter _INPUT_" } } : null,
      topEnd: null,
      bottomStart: paged ? "info" : null,
      bottomEnd: paged ? "paging" : null,
    },
    language: { info: "_START_–_END_ of _TOTAL_", infoFiltered: "(of _MAX_)", zeroRecords: "No row matches.", emptyTable: "None." },
    columns: columns.map((column) => ({
      data: null,
      type: column.words ? "string" : "figure",
      className: `${column.words ? "words" : "figure"}${column.name ? " name" : ""}`,
      orderSequence: column.words ? ["asc", "desc"] : ["desc", "asc"],
      render: (_, type, row) => {
        if (type === "sort" || type === "type") return column.value(row);
        if (type === "display") {
          const shown = column.show(row);
          return typeof shown === "string" ? element("span", {}, shown) : shown;
        }
        // DataTables decodes what it filters by.
        return DataTable.util.escapeHtml(column.text ? column.text(row) : String(column.value(row) ?? "n/a"));
      },
    })),
    createdRow: (line, row) => {
      const address = options.open?.(row);
      if (!address) return;
      line.tabIndex = 0;
      line.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && event.target === line) location.href = address;
      });
    },
  });
  table.parentElement.classList.add("wide");
  return api;
}

// A board of recbench: texts by column. Names of components lead to their pages, intervals are drawn.
function board(made, rows, heading, into) {
  const axis = (column) => ({ attack: "attacker" })[column.heading] ?? (AXES.includes(column.heading) ? column.heading : null);
  const component = (column, text) => labels.get(`${axis(column)}/${text}`);
  const first = made.columns.findIndex((column) => axis(column) === made.name.replace(/s(-overall)?$/, ""));
  const scales = [];
  const columns = made.columns.map((column, place) => ({
    heading: column.heading,
    words: column.words,
    name: place === first,
    text: (row) => row[place],
    value: (row) => (column.words ? row[place].toLowerCase() : numberIn(row[place])),
    show: (row) => {
      const ends = interval(row[place]);
      if (ends) return intervalBar(row[place], ends, numberIn(row[place - 1] ?? ""), (scales[place] ??= scaleOf(rows, place)));
      const named = axis(column) ? component(column, row[place]) : null;
      return named ? componentLink(named) : absent(row[place]);
    },
  }));
  return sortable(columns, rows, {
    into,
    name: heading ? `${made.title}, ${heading}` : made.title,
    page: 50,
    open: (row) => {
      const named = first < 0 ? null : component(made.columns[first], row[first]);
      return named && !named.none ? componentAddress(named) : null;
    },
  });
}

function absent(text) {
  return text === "n/a" ? element("span", { class: "quiet" }, text) : element("span", {}, text);
}

function interval(text) {
  const found = /^\[([-+\d.e]+)%?, ([-+\d.e]+)%?\]$/.exec(text);
  return found ? [Number(found[1]), Number(found[2])] : null;
}

function scaleOf(rows, place) {
  const ends = rows.flatMap((row) => interval(row[place]) ?? []);
  const low = Math.min(0, ...ends);
  return [low, Math.max(0, ...ends) - low || 1];
}

// The interval on the scale of its column, with the estimate of the column before it, and a line at 0.
function intervalBar(text, [low, high], estimate, [from, span]) {
  const at = (value) => 3 + (64 * (value - from)) / span;
  const parts = [
    vector("line", { class: "zero", x1: at(0), x2: at(0), y1: 1, y2: 15 }),
    vector("line", { class: "range", x1: at(low), x2: at(high), y1: 8, y2: 8 }),
  ];
  if (estimate !== null && estimate >= low && estimate <= high) parts.push(vector("circle", { cx: at(estimate), cy: 8, r: 3 }));
  const bar = vector("svg", { class: "interval", viewBox: "0 0 70 16", width: 70, height: 16, "aria-hidden": "true" }, ...parts);
  return element("span", { class: "with-bar" }, bar, element("span", {}, text));
}

// The table of cells: the lines of data/cells.js.
function cellTable(lines, into, page) {
  const component = (line, axis) => site.components[line[1 + axis]];
  const plainFigure = (heading, place, show) => ({ heading, words: false, value: (line) => line[place], show });
  const columns = [
    { heading: "cell", words: true, name: true, value: (line) => line[0],
      show: (line) => element("a", { href: cellAddress(line[0]), class: "id" }, line[0].slice(0, 8)) },
    ...AXES.map((axis, number) => ({
      heading: axis === "dataset" ? "data set" : axis,
      words: true,
      value: (line) => component(line, number).label,
      show: (line) => element("span", component(line, number).none ? { class: "quiet" } : {}, component(line, number).label),
    })),
    plainFigure("size", 5, (line) => (line[5] ? sized(line[5]) : "0")),
    plainFigure("seed", 6, (line) => String(line[6])),
    plainFigure("group", 7, (line) => String(line[7])),
    { heading: "status", words: true, value: (line) => (line[8] ? `${line[9]} (A/A twin)` : line[9]),
      show: (line) => element("span", { class: line[9] === "ok" ? "" : "flag" }, line[8] ? `${line[9]} (A/A twin)` : line[9]) },
    plainFigure(`${site.effect.name}, ${site.effect.unit}`, 10, (line) => absent(figure(line[10], 3, true))),
    plainFigure(site.utility.toUpperCase(), 11, (line) => absent(figure(line[11]))),
    plainFigure("CPU s", 12, (line) => absent(figure(line[12], 2))),
  ];
  return sortable(columns, lines, { into, name: "Cells", page, open: (line) => cellAddress(line[0]) });
}
