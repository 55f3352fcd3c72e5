// The unsupervised column: the map of the data set, its switches, its legend, and what is near.
window.hfSsl ??= {};

/**
 * The column that groups rows. kind: "text" or "images"; data: the page's; onPick(row);
 * question(features, projection): what to ask to place the current text or image, or null; hereName: its name on the map.
 * @returns {parts: its elements, place()}
 */
hfSsl.groupPanel = function ({ kind, data, onPick, question, hereName, thumbnails = null }) {
  const { rows, labels, features, methods, projections, clusters } = data;
  const asked = {
    features: features[0].name,
    method: methods[0].name,
    clusters: clusters.default,
    projection: projections[0].name,
  };
  let grouped = null;
  let byLabel = false;

  const legend = hfSsl.element("ul", { className: "legend" });
  const agreement = hfSsl.element("div", { className: "agreement" });
  const list = hfSsl.element("div");
  const nearest = hfSsl.element("div", { className: "near" }, list);
  const frame = hfSsl.element("div", { className: "frame waiting" });
  const map = hfSsl.map({
    name: `Map of ${data.dataset}: ${rows.length} rows`,
    count: rows.length,
    describe,
    onPick,
    thumbnails,
  });
  frame.append(map.element);
  const runGroup = hfSsl.part(frame);
  const runPlace = hfSsl.part(nearest);

  /** A row in words: its text, and its number, group and label. */
  function describe(row) {
    const group = grouped ? `group “${grouped.names[grouped.clusters[row]].name}”` : null;
    const label = labels[rows[row].label];
    const about = [`Row ${row + 1}`, group, label === undefined ? null : `label ${label}`];
    return { text: rows[row].text ?? "", about: about.filter(Boolean).join(", ") };
  }

  /** Colour the points by cluster or by label, and say what the colours mean. */
  function paint() {
    if (!grouped) return;
    map.paint(rows.map(({ label }, row) => (byLabel ? label : grouped.names[grouped.clusters[row]].colour)));
    map.dim(null);
    const entries = byLabel ? hfSsl.labelEntries(labels, rows) : hfSsl.clusterEntries(grouped.names);
    const groupOf = (row) => (byLabel ? rows[row].label : grouped.clusters[row]);
    hfSsl.showLegend(legend, entries, (only) => map.dim(only === null ? null : (row) => groupOf(row) !== only));
  }

  /** Ask for the groups with the switches as they are. */
  function group() {
    const { features: vectors, method, clusters: count, projection } = asked;
    const work = () => hfSsl.ask("group", kind, vectors, method, count, projection);
    return runGroup(work, (answer) => {
      grouped = answer;
      frame.classList.remove("waiting");
      map.show(answer.x, answer.y);
      paint();
      hfSsl.showAgreement(agreement, answer.agreement);
    });
  }

  /** Ask where the current text or image belongs. */
  function place() {
    const asking = question(asked.features, asked.projection);
    if (!asking) {
      runPlace.forget();
      map.mark(null);
      hfSsl.refill(list);
      return;
    }
    runPlace(
      () => hfSsl.ask(...asking),
      (answer) => {
        map.mark(answer, hereName);
        hfSsl.showNearest(list, answer, { labels, thumbnails, onPick });
      },
    );
  }

  const set = (name, moves) => (value) => {
    asked[name] = value;
    group();
    if (moves) place();
  };
  const colouring = hfSsl.either(
    "Colours show",
    [
      { name: "clusters", title: "Groups" },
      { name: "labels", title: "True labels" },
    ],
    (name) => {
      byLabel = name === "labels";
      paint();
    },
  );
  colouring.classList.toggle("away", labels.length === 0);
  const controls = hfSsl.element(
    "div",
    { className: "controls" },
    hfSsl.choice("Features", features, set("features", true)),
    hfSsl.choice("Method", methods, set("method", false)),
    hfSsl.choice("Map", projections, set("projection", true)),
    hfSsl.slider("Number of groups", { ...clusters, start: clusters.default }, set("clusters", false)),
    colouring,
  );
  group();
  return { parts: [controls, frame, legend, agreement, nearest], place };
};
