// The map of a data set: a point a row. Points stand where the projection puts them and look like their group.
window.hfSsl ??= {};

/**
 * Make a map of count rows. name: what it shows, in words; describe(row) -> {text, about}, in words; onPick(row); thumbnails or null.
 * @returns {element, show(x, y), paint(group of every row), dim(row => bool or null), mark(place, name)}
 */
hfSsl.map = function ({ name, count, describe, onPick, thumbnails }) {
  const lines = hfSsl.drawing("g", { class: "lines" });
  const here = hfSsl.drawing("g", { class: "here" });
  const dots = Array.from({ length: count }, () => hfSsl.drawing("path"));
  const points = hfSsl.drawing("g", { class: "points" }, ...dots);
  const layers = [points, [lines, here]].map((content) =>
    hfSsl.drawing("svg", { "aria-hidden": "true" }, ...[content].flat()),
  );
  const box = hfSsl.element("div", { className: "map", tabIndex: 0, role: "listbox", "aria-label": name }, layers[0]);
  if (thumbnails) box.append(thumbnails.layer);
  box.append(layers[1]); // the current text or image is above all points
  const view = {
    box,
    dots,
    count,
    x: [],
    y: [],
    groups: [],
    width: 0,
    height: 0,
    describe,
    onPick,
    thumbnails,
    place: null,
  };
  let glides = false;

  /** Put everything where it belongs. */
  function layOut() {
    if (!view.width || !view.x.length) return;
    const size = view.width < 480 ? 3.2 : 4.4;
    dots.forEach((dot, row) => {
      const [x, y] = hfSsl.onMap(view, view.x[row], view.y[row]);
      dot.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px) scale(${size})`;
    });
    thumbnails?.layOut(view);
    hfSsl.drawPlace(view, lines, here);
    if (glides) return;
    glides = true; // the first time they simply stand there
    requestAnimationFrame(() => box.classList.add("glides"));
  }

  hfSsl.onWidth(box, (width) => {
    view.width = width;
    view.height = Math.round(Math.min(width * 0.86, 620));
    box.style.height = `${view.height}px`;
    for (const layer of layers) layer.setAttribute("viewBox", `0 0 ${view.width} ${view.height}`);
    layOut();
  });
  const spoken = hfSsl.listenToMap(view);

  return {
    element: hfSsl.element("div", {}, box, spoken),
    show(x, y) {
      Object.assign(view, { x, y });
      layOut();
    },
    paint(groups) {
      view.groups = groups;
      dots.forEach((dot, row) => {
        dot.setAttribute("d", hfSsl.outline(groups[row]));
        dot.setAttribute("class", `shape ${hfSsl.colourClass(groups[row])}`);
      });
      thumbnails?.paint(groups);
    },
    dim(isOut) {
      dots.forEach((dot, row) => dot.classList.toggle("dim", Boolean(isOut?.(row))));
      thumbnails?.dim(isOut);
    },
    mark(place, name) {
      view.place = place && { ...place, name };
      hfSsl.drawPlace(view, lines, here);
    },
  };
};

/** Where a place of the projection (0 to 1000) is on the map, in pixels. */
hfSsl.onMap = function ({ width, height }, x, y) {
  const margin = 18;
  return [margin + (x / 1000) * (width - 2 * margin), margin + (y / 1000) * (height - 2 * margin)];
};

/** Draw where the current text or image is, with lines to its nearest rows. */
hfSsl.drawPlace = function (view, lines, here) {
  lines.replaceChildren();
  here.replaceChildren();
  if (!view.place || !view.width || !view.x.length) return;
  const [x, y] = hfSsl.onMap(view, view.place.x, view.place.y);
  for (const { row } of view.place.nearest) {
    const [x2, y2] = hfSsl.onMap(view, view.x[row], view.y[row]);
    lines.append(
      hfSsl.drawing("line", { x1: x, y1: y, x2, y2 }),
      hfSsl.drawing("circle", { cx: x2, cy: y2, r: view.thumbnails ? 5 : 7 }),
    );
  }
  const left = x > view.width * 0.7; // the name must not leave the map
  const name = { x: x + (left ? -16 : 16), y: y + 5, "text-anchor": left ? "end" : "start" };
  here.append(
    hfSsl.drawing("circle", { cx: x, cy: y, r: 11, class: "halo" }),
    hfSsl.drawing("circle", { cx: x, cy: y, r: 10, class: "ring" }),
    hfSsl.drawing("circle", { cx: x, cy: y, r: 3.5, class: "dot" }),
    hfSsl.drawing("text", name, view.place.name),
  );
};
