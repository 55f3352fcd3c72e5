// The rows of the data set that are most like the current text or image.
window.hfSsl ??= {};

/** Show the nearest rows; onPick(row) loads one. */
hfSsl.showNearest = function (place, { nearest }, { labels, thumbnails, onPick }) {
  const items = nearest.map(({ row, text, label, similarity }) => {
    const kind =
      labels[label] === undefined ? null : hfSsl.element("span", { className: "label" }, hfSsl.said(labels[label]));
    const face = thumbnails ? thumbnails.face(row, 48) : null;
    const excerpt = text === undefined ? null : hfSsl.said(text, "excerpt");
    const alike = hfSsl.element("span", { className: "alike", title: "Cosine similarity" }, similarity.toFixed(2));
    const name = thumbnails ? hfSsl.element("span", { className: "unseen" }, `Row ${row + 1}`) : null;
    return hfSsl.element(
      "li",
      {},
      hfSsl.element(
        "button",
        { type: "button", "data-key": `near-${row}`, onclick: () => onPick(row) },
        face,
        name,
        excerpt,
        kind,
        alike,
      ),
    );
  });
  hfSsl.refill(
    place,
    hfSsl.element("h3", {}, "Nearest rows"),
    hfSsl.element("ol", { className: thumbnails ? "nearest faces" : "nearest" }, ...items),
  );
};
