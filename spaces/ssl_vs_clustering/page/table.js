// Figures of several routes, with their intervals; the best of a column is marked.
window.hfSsl ??= {};

/** A figure and its interval. */
hfSsl.cell = function (figure, best) {
  if (!figure) return hfSsl.element("td", { className: "none" }, "–");
  const { mean, low, high } = figure;
  const number = hfSsl.element("span", { className: "mean" }, mean.toFixed(3));
  const mark = best
    ? hfSsl.element("span", { className: "mark" }, hfSsl.element("span", { className: "unseen" }, "best"))
    : null;
  const known = low !== null && high !== null;
  const interval = known
    ? hfSsl.element("span", { className: "interval" }, `${low.toFixed(3)} – ${high.toFixed(3)}`)
    : null;
  return hfSsl.element("td", { className: best ? "best" : "" }, number, mark, interval);
};

/** What the intervals of a table of figures are, where it has any. */
hfSsl.intervalNote = function ({ rows }) {
  const any = rows.some(({ cells }) => Object.values(cells).some(({ low, high }) => low !== null && high !== null));
  return any
    ? hfSsl.element("p", { className: "note" }, "Low – high: 95 % intervals over rows, starts and draws of labels.")
    : null;
};

/** A table of {columns: [{name, title}], rows: [{title, family, cells}]}; wide ones scroll in themselves. */
hfSsl.table = function (name, { columns, rows }) {
  const best = columns.map((column) => Math.max(...rows.map(({ cells }) => cells[column.name]?.mean ?? -Infinity)));
  const head = columns.map(({ title }) => hfSsl.element("th", { scope: "col" }, title));
  const body = rows.map(({ title, family, cells }) => {
    const first = hfSsl.element(
      "th",
      { scope: "row" },
      hfSsl.said(title),
      hfSsl.element("span", { className: "family" }, family),
    );
    const figures = columns.map((column, i) =>
      hfSsl.cell(cells[column.name], rows.length > 1 && cells[column.name]?.mean === best[i]),
    );
    return hfSsl.element("tr", {}, first, ...figures);
  });
  return hfSsl.element(
    "div",
    { className: "scrolls", tabIndex: 0, role: "region", "aria-label": `${name}: table` },
    hfSsl.element(
      "table",
      {},
      hfSsl.element("thead", {}, hfSsl.element("tr", {}, hfSsl.element("th", { scope: "col" }, "Features"), ...head)),
      hfSsl.element("tbody", {}, ...body),
    ),
  );
};
