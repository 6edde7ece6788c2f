// The first page: the boards and charts of one data set and attack size at a time, and what is over all of them.
"use strict";
(() => {
  const chooser = document.getElementById("sections");
  const charts = document.getElementById("charts");
  const boards = document.getElementById("boards");

  // What draws charts takes longer to read than the tables do, which answer before it comes.
  const drawing = Promise.all(
    ["assets/vendor/d3.min.js", "assets/vendor/plot.umd.min.js", "assets/charts.js", "data/charts.js"].map(run));

  site.sections.forEach((heading, number) => {
    const input = element("input", { type: "radio", name: "section", id: `section-${number}` });
    input.checked = number === 0;
    input.addEventListener("change", () => show(number));
    chooser.append(input, element("label", { for: `section-${number}` }, heading.replace(", attack size ", " · ")));
  });
  chooser.hidden = site.sections.length < 2;

  function show(number) {
    boards.replaceChildren(...recbench.boards.map((made) => {
      const id = `board-${made.name}`;
      const section = element("section", { "aria-labelledby": id, class: "board" }, element("h2", { id }, made.title));
      const chosen = made.sections.filter(({ heading }) => heading === site.sections[number] || !site.sections.includes(heading));
      for (const { heading, rows } of chosen) {
        section.append(element("h3", {}, heading));
        board(made, rows, heading, section);
      }
      const foot = element("ul", { class: "foot" }, ...made.foot.map((line) => element("li", {}, line)));
      section.append(chosen.length ? element("details", { open: true }, element("summary", {}, "How to read it"), foot) : foot);
      return section;
    }));
    drawing.then(() => drawCharts(charts, recbench.charts[number], site.sections[number]));
  }

  if (site.sections.length) show(0);
  document.documentElement.dataset.ready = "yes";
})();
