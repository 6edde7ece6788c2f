// All cells, and a choice for each axis.
"use strict";
(() => {
  const table = cellTable(recbench.cells, document.getElementById("cells"), 100);
  const filters = document.getElementById("filters");
  const axes = [...AXES.map((axis, number) => [axis === "dataset" ? "data set" : axis, number + 1]), ["status", 8]];
  for (const [heading, column] of axes) {
    const choice = element("select", { id: `choose-${column}` }, element("option", { value: "" }, "all"));
    const values = new Set(recbench.cells.map((line) => (column === 8 ? line[9] : site.components[line[column]].label)));
    for (const value of [...values].sort()) choice.append(element("option", { value }, value));
    choice.addEventListener("change", () => {
      const wanted = choice.value;
      const matches = column === 8 ? (text) => text.split(" ")[0] === wanted : (text) => text === wanted;
      table.column(column).search(wanted ? matches : "").draw();
    });
    filters.append(element("div", {}, element("label", { for: `choose-${column}` }, heading), choice));
  }
  document.documentElement.dataset.ready = "yes";
})();
