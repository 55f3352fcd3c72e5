// Label curves: accuracy against labels per class on a logarithmic axis, with the intervals as bars.
window.hfSsl ??= {};

/** Where so many labels stand on the axis; all of them stand a step after the most. */
hfSsl.labelAxis = function (curves) {
  const counts = new Set(curves.flatMap(({ points }) => points.map(({ labels }) => labels)));
  const numbers = [...counts].filter((labels) => labels !== "all").sort((a, b) => a - b);
  const ticks = counts.has("all") ? [...numbers, "all"] : numbers;
  const logs = numbers.map((labels) => Math.log10(labels));
  const [first, last] = [logs[0] ?? 0, logs.at(-1) ?? 0];
  const step = 0.5;
  const span = last - first + (counts.has("all") ? step : 0) || 1;
  const at = (labels) => ((labels === "all" ? last + step : Math.log10(labels)) - first) / span;
  return { ticks, at };
};

/** The curve's line, intervals and points, shape i. */
hfSsl.curve = function ({ points }, i, across, up) {
  const colour = hfSsl.colourClass(i);
  const numbers = points.filter(({ labels }) => labels !== "all");
  const path = numbers
    .map(({ labels, mean }, n) => `${n ? "L" : "M"}${across(labels).toFixed(1)} ${up(mean).toFixed(1)}`)
    .join("");
  const group = hfSsl.drawing("g", { class: colour }, hfSsl.drawing("path", { d: path, class: "line" }));
  const [last, all] = [numbers.at(-1), points.find(({ labels }) => labels === "all")];
  if (last && all)
    group.append(
      hfSsl.drawing("line", {
        x1: across(last.labels),
        y1: up(last.mean),
        x2: across("all"),
        y2: up(all.mean),
        class: "line off-axis",
      }),
    );
  for (const { labels, mean, low, high } of points) {
    const x = across(labels) + (i - 1.5) * 1.5; // intervals at the same place would hide one another
    if (low !== null && high !== null)
      group.append(hfSsl.drawing("line", { x1: x, x2: x, y1: up(low), y2: up(high), class: "interval" }));
    const transform = `translate(${x} ${up(mean)}) scale(4.6)`;
    group.append(hfSsl.drawing("path", { d: hfSsl.outline(i), transform, class: `shape ${colour}` }));
  }
  return group;
};

/** Draw the curves into an SVG so many pixels wide. */
hfSsl.drawCurves = function (picture, curves, width) {
  const height = Math.min(380, Math.max(240, width * 0.55));
  const edge = { left: 44, right: 18, top: 12, bottom: 46 };
  const values = curves.flatMap(({ points }) =>
    points.flatMap(({ mean, low, high }) => [mean, low ?? mean, high ?? mean]),
  );
  const least = Math.max(0, Math.floor(Math.min(...values) * 10) / 10);
  const most = Math.min(1, Math.ceil(Math.max(...values) * 10) / 10);
  const { ticks, at } = hfSsl.labelAxis(curves);
  const across = (labels) => edge.left + 10 + at(labels) * (width - edge.left - edge.right - 20);
  const up = (value) =>
    height - edge.bottom - ((value - least) / (most - least || 1)) * (height - edge.top - edge.bottom);
  const shown = [];
  const stride = most - least > 0.5 ? 0.2 : 0.1;
  for (let value = least; value < most + 1e-9; value += stride) {
    shown.push(
      hfSsl.drawing("line", { x1: edge.left, x2: width - edge.right, y1: up(value), y2: up(value), class: "rule" }),
    );
    shown.push(
      hfSsl.drawing("text", { x: edge.left - 8, y: up(value) + 4, "text-anchor": "end" }, hfSsl.percent(value)),
    );
  }
  for (const labels of ticks)
    shown.push(
      hfSsl.drawing(
        "text",
        { x: across(labels), y: height - edge.bottom + 20, "text-anchor": "middle" },
        String(labels),
      ),
    );
  shown.push(
    hfSsl.drawing(
      "text",
      { x: (edge.left + width - edge.right) / 2, y: height - 6, "text-anchor": "middle" },
      "labels per class",
    ),
  );
  curves.forEach((curve, i) => shown.push(hfSsl.curve(curve, i, across, up)));
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  picture.style.height = `${height}px`;
  picture.replaceChildren(...shown);
};

/** What the bars of the curves are: of the kinds that occur. */
hfSsl.barsNote = function (curves) {
  const kinds = {
    draws: "from the lowest to the highest of several draws of labels (frozen features)",
    interval: "95 % intervals over rows (whole networks)",
  };
  const there = Object.keys(kinds).filter((kind) => curves.some(({ bars }) => bars === kind));
  if (there.length === 0) return null;
  return hfSsl.element("p", { className: "note" }, `Bars: ${there.map((kind) => kinds[kind]).join("; ")}.`);
};

/** The chart of the curves with its legend, and its numbers as a table for who wants them. */
hfSsl.chart = function (curves) {
  const picture = hfSsl.drawing("svg", {
    role: "img",
    "aria-label": "Accuracy against labels per class; the numbers are in the table below",
  });
  const frame = hfSsl.element("div", { className: "chart" }, picture);
  hfSsl.onWidth(frame, (width) => hfSsl.drawCurves(picture, curves, width));
  const legend = curves.map(({ title, family }, i) =>
    hfSsl.element(
      "li",
      {},
      hfSsl.icon(i),
      hfSsl.said(title),
      " ",
      hfSsl.element("span", { className: "family" }, family),
    ),
  );
  const { ticks } = hfSsl.labelAxis(curves);
  const columns = ticks.map((labels) => ({
    name: String(labels),
    title: labels === "all" ? "all labels" : `${labels} a class`,
  }));
  const rows = curves.map(({ title, family, points }) => ({
    title,
    family,
    cells: Object.fromEntries(points.map((point) => [String(point.labels), point])),
  }));
  return hfSsl.element(
    "div",
    {},
    hfSsl.element("h3", {}, "Accuracy with few labels"),
    frame,
    hfSsl.element("ul", { className: "keys" }, ...legend),
    hfSsl.barsNote(curves),
    hfSsl.element(
      "details",
      {},
      hfSsl.element("summary", {}, "The numbers"),
      hfSsl.table("Accuracy with few labels", { columns, rows }),
    ),
  );
};
