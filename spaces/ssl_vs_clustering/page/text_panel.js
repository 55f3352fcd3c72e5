// The text panel: on the left a model fills in hidden words, on the right the same rows are grouped.
window.hfSsl ??= {};

/** Build the text panel in root from the page's data. */
hfSsl.textPanel = function (root, data) {
  if (data.empty) {
    hfSsl.emptyPanel(root, data);
    return;
  }
  const left = hfSsl.sentencePanel(data, () => right.place());
  const right = hfSsl.groupPanel({
    kind: "text",
    data,
    onPick: left.load,
    question: (features, projection) => (left.text().trim() ? ["place_text", left.text(), features, projection] : null),
    hereName: "your sentence",
  });
  root.replaceChildren(
    hfSsl.element(
      "div",
      { className: "page" },
      hfSsl.headline(
        "Two ways to learn from text without labels",
        "A model that fills in what is hidden, beside an algorithm that groups what is alike: the same rows of ",
        hfSsl.element("strong", {}, hfSsl.said(data.dataset)),
        ". Neither is trained on a label.",
      ),
      hfSsl.element(
        "div",
        { className: "sides" },
        hfSsl.column(
          "Fill in what is hidden",
          "Self-supervised",
          "The text is its own exercise: a word is hidden, and the model has learnt to say which one it was.",
          ...left.parts,
        ),
        hfSsl.column(
          "Group what is alike",
          "Unsupervised",
          "No exercise at all: every row becomes a list of numbers, and rows with similar numbers form a group.",
          ...right.parts,
        ),
      ),
    ),
  );
  left.start();
  right.place();
};
